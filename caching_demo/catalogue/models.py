"""The catalogue: categories, products, their views and the trending list."""

from datetime import UTC, datetime

from django.db import models
from django.db.models.functions import Abs

from catalogue import store
from patterns.caching.generations import Bumping, BumpingQuerySet

RELATED_COUNT = 4
PRICED_BETWEEN = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)


class CategoryQuerySet(BumpingQuerySet["Category"]):
    """Bumps also for what sends no signal: update(), bulk_create(), bulk_update()."""


class Category(Bumping):
    generation = staticmethod(store.generation)

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.slug


class ProductQuerySet(BumpingQuerySet["Product"]):
    """As CategoryQuerySet."""


class Product(Bumping):
    """Every write invalidates all pages: a page shows its neighbours' prices too."""

    generation = staticmethod(store.generation)

    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    priced_at = models.DateTimeField(null=True, blank=True)  # when its price was decided, not when we heard of it

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]
        indexes = [models.Index(fields=["category", "sku"], name="product_by_category")]
        constraints = [
            # PostgreSQL stores years that Python cannot read: each page with the row would be a 500
            models.CheckConstraint(condition=models.Q(priced_at__range=PRICED_BETWEEN), name="priced_at_is_plausible")
        ]

    def __str__(self) -> str:
        return self.sku

    def related(self) -> models.QuerySet["Product"]:
        """The products of its category nearest in price. No index can sort this: it reads the whole category."""
        others = Product.objects.filter(category=self.category_id).exclude(pk=self.pk)
        return others.order_by(Abs(models.F("price") - self.price), "sku")[:RELATED_COUNT]


class ViewCountQuerySet(models.QuerySet["ViewCount"]):
    def add(self, views: dict[str, int]) -> None:
        """Adds views by SKU, in three statements. Unknown SKUs are ignored."""
        products = dict(Product.objects.filter(sku__in=views).order_by("pk").values_list("pk", "sku"))
        if not products:
            return
        self.bulk_create([ViewCount(product_id=pk) for pk in products], ignore_conflicts=True)
        cases = [models.When(product_id=pk, then=views[sku]) for pk, sku in products.items()]
        self.filter(product_id__in=products).update(count=models.F("count") + models.Case(*cases))


class ViewCount(models.Model):
    """Not a column of Product: a view must not invalidate the product's page."""

    product = models.OneToOneField(Product, on_delete=models.CASCADE, primary_key=True, related_name="views")
    count = models.PositiveBigIntegerField(default=0)

    objects = ViewCountQuerySet.as_manager()

    class Meta:
        ordering = ["-count", "product_id"]


class RecentView(models.Model):
    """A product that a customer viewed. Private."""

    user = models.CharField(max_length=150)  # the name in the access token: this service has no users
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    viewed_at = models.DateTimeField()

    class Meta:
        ordering = ["-viewed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "product"], name="one_recent_view_a_product")]
        indexes = [models.Index(fields=["user", "-viewed_at"], name="recent_views_of_a_user")]


class TrendingList(models.Model):
    """The last saved list, for when Redis is unavailable. `fence`: see patterns/caching/fenced_lock."""

    name = models.CharField(max_length=20, primary_key=True)
    skus = models.JSONField(default=list)
    fence = models.BigIntegerField(default=0)


class UnsentBump(models.Model):
    """A change whose pages could not be invalidated. `catch_up` does it, and deletes the row."""


class SeenEvent(models.Model):
    """An event of the broker that has had its effect. It may be delivered again."""

    id = models.UUIDField(primary_key=True)
    seen_at = models.DateTimeField(auto_now_add=True, db_index=True)
