"""The carriers that can be asked for a delivery quote."""

from django.db import models


class CarrierQuerySet(models.QuerySet["Carrier"]):
    def active(self) -> "CarrierQuerySet":
        """The carriers that we ask."""
        return self.filter(is_active=True)


class Carrier(models.Model):
    slug = models.SlugField(primary_key=True)  # the carrier's id in responses and logs
    name = models.CharField(max_length=100)
    rate_path = models.CharField(max_length=200)  # below CARRIERS_URL
    is_active = models.BooleanField(default=True)

    objects = CarrierQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug
