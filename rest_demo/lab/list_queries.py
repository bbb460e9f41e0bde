"""My list endpoint slows as rows grow.

A page of 10 and a page of 100 products are requested. The naive serializer is what people
write: the category's slug through its foreign key, and the rating with a query of its own.
Each row then costs two queries (N+1), and nobody notices with three rows in development.
"""

from django.contrib.auth import get_user_model
from django.db.models import Avg
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory

from labkit import Counts, Experiment, count_queries
from patterns.http.keyset import KeysetPagination
from shop.api.products import ProductList
from shop.models import Category, Product, Rating

FEW, MANY = 10, 100
MOST_QUERIES = 4


class NaiveProductSerializer(serializers.ModelSerializer[Product]):
    category = serializers.CharField(source="category.slug")
    rating = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["sku", "name", "category", "price", "currency", "rating"]

    def get_rating(self, product: Product) -> float | None:
        return product.ratings.aggregate(Avg("stars"))["stars__avg"]


class NaiveProductList(generics.ListAPIView[Product]):
    permission_classes = [AllowAny]
    serializer_class = NaiveProductSerializer
    queryset = Product.objects.all()
    pagination_class = KeysetPagination
    orderings = ("sku",)


class JoinedProductList(NaiveProductList):
    """The obvious fix: select_related, which solves one half."""

    queryset = Product.objects.select_related("category")


def naive() -> Counts:
    return ask(NaiveProductList) | {"select_related_alone": ask(JoinedProductList)["queries_for_100_rows"]}


def solved() -> Counts:
    return ask(ProductList)


def ask(view: type[generics.ListAPIView[Product]]) -> Counts:
    fill()
    (few, queries_for_few), (many, queries_for_many) = page(view, FEW), page(view, MANY)
    return {"rows": few + many, f"queries_for_{FEW}_rows": queries_for_few, f"queries_for_{MANY}_rows": queries_for_many}


def page(view: type[generics.ListAPIView[Product]], size: int) -> tuple[int, int]:
    """The number of rows in the response, and of the queries for them."""
    with count_queries() as queries:
        answer = view.as_view()(APIRequestFactory().get("/", {"page_size": size}, headers={"Host": "localhost"}))
    return len(answer.data["results"]), len(queries)


def fill() -> None:
    Product.objects.filter(sku__startswith="LIST-").delete()
    category, _ = Category.objects.get_or_create(slug="kitchen", defaults={"name": "Kitchen"})
    customer, _ = get_user_model().objects.get_or_create(username="customer")
    products = Product.objects.bulk_create(
        Product(sku=f"LIST-{number:03d}", name="Mug", category=category, price="4.90") for number in range(MANY)
    )
    Rating.objects.bulk_create(Rating(product=product, customer=customer, stars=4) for product in products)


experiment = Experiment(
    challenge="My list endpoint slows as rows grow",
    solution="one query per page: the QuerySet adds category and average rating as subqueries",
    load=f"a page of {FEW} products, then a page of {MANY}, each product with its category and average rating",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts[f"queries_for_{MANY}_rows"] > MANY,
    holds=lambda counts: (
        counts["rows"] == FEW + MANY and counts[f"queries_for_{FEW}_rows"] == counts[f"queries_for_{MANY}_rows"] <= MOST_QUERIES
    ),
    proof=(f"queries_for_{FEW}_rows", f"queries_for_{MANY}_rows"),
    code="shop/models.py",
)
