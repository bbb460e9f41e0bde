"""The catalogue: what the shop shows, and what it shows beside it."""

from django.db import models
from django.db.models.functions import Abs

RELATED_COUNT = 4


class Category(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.slug


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")

    class Meta:
        ordering = ["sku"]

    def __str__(self) -> str:
        return self.sku

    def related(self) -> models.QuerySet["Product"]:
        """The products of its category nearest in price. No index can sort this: it reads the whole category."""
        others = Product.objects.filter(category=self.category_id).exclude(pk=self.pk)
        return others.order_by(Abs(models.F("price") - self.price), "sku")[:RELATED_COUNT]
