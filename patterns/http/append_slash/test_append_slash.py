import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path


def orders(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.method)


urlpatterns = [path("orders/", orders)]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture(autouse=True)
def with_the_middleware() -> object:
    name = f"{__package__}.AppendSlashMiddleware"
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[name], ALLOWED_HOSTS=["*"]):
        yield


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_read_without_the_slash_is_redirected(client: Client, method: str) -> None:
    response = getattr(client, method)("/orders?page=2")

    assert (response.status_code, response["Location"]) == (301, "/orders/?page=2")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_a_write_without_the_slash_is_404(client: Client, method: str, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        assert getattr(client, method)("/orders").status_code == 404


def test_a_write_with_the_slash_arrives(client: Client) -> None:
    assert client.post("/orders/").content == b"POST"
