"""The page and its fragments. htmx asks for fragments; without JavaScript the same forms lead to the whole page."""

import hashlib
from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from door.demos import BY_NAME, DEMOS, RABBITMQ_MANAGEMENT_OFFSET, Demo
from door.labs import Challenge, Lab, read_lab, start_run
from door.pages import find_page, render_page, title_of
from door.status import DemoStatus, ServerStatus, demo_status, server_status
from door.together import together

UNCHANGED = 204  # htmx then leaves the page as it is: a reader's place, focus and selection stay


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return whole_page(request)


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """What runs. When nothing has changed, only the time of the look is sent."""
    found = look(request, *ask_everything(with_labs=False)[:2])
    if request.GET.get("seen") != found["digest"]:
        return render(request, "door/status.html", found)
    response = render(request, "door/checked.html")
    response["HX-Retarget"], response["HX-Reswap"] = "#checked", "outerHTML"
    return response


@never_cache
@require_safe
def section(request: HttpRequest, demo: str) -> HttpResponse:
    """A demo's challenges, asked for by a page that has none yet: the demo was down, or its lab was off."""
    lab = the_lab(the_demo(demo))
    if request.GET.get("seen") == lab.problem:
        return HttpResponse(status=UNCHANGED)
    return render(request, "door/section.html", {"lab": lab, "source_url": settings.SOURCE_URL})


@require_safe
def challenge(request: HttpRequest, demo: str, name: str) -> HttpResponse:
    """A challenge's page: the symptom, the solution, what it costs."""
    asked = the_demo(demo)
    if not (page := find_page(demo, name)):
        raise Http404(f"There is no page of {demo}/{name[:100]}.")
    context = {"demo": asked, "name": name, "title": title_of(page), "page": render_page(page, demo)}
    return render(request, "door/challenge.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, demo: str, name: str) -> HttpResponse:
    """POST starts a run, GET shows how far it is."""
    asked = the_demo(demo)
    if len(name) > 100:  # no file is called that, and httpx would refuse the address
        raise Http404(f"There is no experiment {name[:100]}…")
    code, words = start_run(asked, name) if request.method == "POST" else (200, "")
    return run_state(request, asked, name, code, words)


def refuse(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF check calls this in place of `run`."""
    words = "Nothing was started: the form's CSRF cookie is missing. Reload the page, and allow cookies."
    where = request.resolver_match.kwargs if request.resolver_match else {}
    if not {"demo", "name"} <= set(where):
        return HttpResponse(words, status=403, content_type="text/plain; charset=utf-8")
    return run_state(request, the_demo(where["demo"]), where["name"], 403, words)


def run_state(request: HttpRequest, demo: Demo, name: str, code: int, words: str) -> HttpResponse:
    """The state of a run, and what is to be said about it: as a fragment for htmx, else as the page."""
    if request.headers.get("HX-Request") != "true":
        return whole_page(request, notice=words, code=code) if words else HttpResponseRedirect(f"{reverse('index')}#{demo.name}-{name}")
    lab = the_lab(demo)
    challenge = lab.challenge(name)
    if challenge is None:
        words = words or f"{demo.name} no longer responds. The state of the run is unknown."
        challenge = Challenge(demo, name)
    elif challenge.status == "running":
        if request.GET.get("seen") == challenge.stage:
            return HttpResponse(status=UNCHANGED)
        words = ""  # a 409 was about this very run
    return render(request, "door/run_answer.html", {"challenge": challenge, "words": words})


def whole_page(request: HttpRequest, *, notice: str = "", code: int = 200) -> HttpResponse:
    demos, servers, labs = ask_everything(with_labs=True)
    context = {**look(request, demos, servers), "labs": labs, "notice": notice, "source_url": settings.SOURCE_URL}
    return render(request, "door/index.html", context, status=code)


def ask_everything(*, with_labs: bool) -> tuple[list[DemoStatus], list[ServerStatus], list[Lab]]:
    """All demos and servers at once: the page takes as long as the slowest of them."""
    calls: list[Any] = [partial(demo_status, demo) for demo in DEMOS]
    calls += [partial(server_status, name) for name in settings.SERVERS]
    calls += [partial(read_lab, demo) for demo in DEMOS if with_labs]
    answers = iter(together(calls))
    demos = [next(answers) or DemoStatus(demo, "not responding") for demo in DEMOS]
    servers = [next(answers) or ServerStatus(name, is_up=False) for name in settings.SERVERS]
    return demos, servers, [next(answers) or Lab(demo, problem="silent") for demo in DEMOS if with_labs]


def look(request: HttpRequest, demos: list[DemoStatus], servers: list[ServerStatus]) -> dict[str, Any]:
    """What runs, with the addresses at which this visitor's browser finds it."""
    host, _ = split_domain_port(request.get_host())
    here = f"{request.scheme}://{host}"
    return {
        "demos": [(each, f"{here}:{settings.PORT_BASE + each.demo.port_offset}") for each in demos],
        "servers": servers,
        "rabbitmq_url": f"{here}:{settings.PORT_BASE + RABBITMQ_MANAGEMENT_OFFSET}/",
        "digest": hashlib.sha256(repr((demos, servers)).encode()).hexdigest()[:12],
    }


def the_lab(demo: Demo) -> Lab:
    [lab] = together([partial(read_lab, demo)])
    return lab or Lab(demo, problem="silent")


def the_demo(name: str) -> Demo:
    if name not in BY_NAME:
        raise Http404(f"There is no demo {name}.")
    return BY_NAME[name]
