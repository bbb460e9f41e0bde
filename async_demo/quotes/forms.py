"""Validation of untrusted input: the customer's request and the carriers' responses."""

from django import forms
from django.core.validators import RegexValidator

HEAVIEST_PARCEL_GRAMS = 31_500  # the usual limit for what one person carries; more is freight


class ParcelForm(forms.Form):
    postcode = forms.CharField(
        max_length=10, validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9 -]+\Z", "Use at least two letters, digits, spaces or hyphens.")]
    )
    weight_grams = forms.IntegerField(min_value=1, max_value=HEAVIEST_PARCEL_GRAMS)


class RateForm(forms.Form):
    """A carrier's `{"price": "6.40", "currency": "EUR", "days": 2}`."""

    price = forms.DecimalField(min_value=0, max_digits=8, decimal_places=2)
    currency = forms.ChoiceField(choices=[("EUR", "EUR")])  # one currency: offers are sorted by price
    days = forms.IntegerField(min_value=0, max_value=60)
