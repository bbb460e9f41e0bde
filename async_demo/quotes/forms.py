"""What is let in: the customer's question, and the carriers' answers. Neither is ours, so neither is trusted."""

from django import forms
from django.core.validators import RegexValidator

HEAVIEST_PARCEL_GRAMS = 31_500  # the usual limit for what one person carries; more is freight


class ParcelForm(forms.Form):
    postcode = forms.CharField(
        max_length=10, validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9 -]+\Z", "Letters, digits, spaces and dashes, at least two.")]
    )
    weight_grams = forms.IntegerField(min_value=1, max_value=HEAVIEST_PARCEL_GRAMS)


class RateForm(forms.Form):
    """A carrier's `{"price": "6.40", "currency": "EUR", "days": 2}`."""

    price = forms.DecimalField(min_value=0, max_digits=8, decimal_places=2)
    currency = forms.ChoiceField(choices=[("EUR", "EUR")])  # offers are sorted by price: one currency, or the order means nothing
    days = forms.IntegerField(min_value=0, max_value=60)
