"""The faults that `make planted` plants: what people really do, each with the make target that must turn red, and what it must say."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Fault:
    """In `file`, `old` becomes `new`; without `old`, `new` is added at its end (and the file made, where there is none)."""

    name: str
    said: str  # in the words of who commits it
    file: str
    old: str = ""
    new: str
    target: str
    variables: dict[str, str] = field(default_factory=dict)
    says: str  # a part of what the red run prints: red for another reason is not caught

    @property
    def command(self) -> str:
        return " ".join(
            ["make", self.target, *(f"{name}={value!r}" if " " in value else f"{name}={value}" for name, value in self.variables.items())]
        )


def test(demo: str, only: str) -> dict[str, str]:
    return {"DEMO": demo, "ONLY": only}


KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n"  # in two parts: this file is scanned too
FAULTS = [
    Fault(
        name="lost_race",
        said="I read first, it is easier to follow",
        file="patterns/http/refresh_rotation/rotation.py",
        old="won = found.alive(now).filter(current=digest(token)).update(current=digest(successor))",
        new="won = found.alive(now).filter(current=digest(token)).exists() and found.update(current=digest(successor))",
        target="test", variables=test("patterns", "two_that_race"), says="test_of_two_that_race_one_succeeds",
    ),
    Fault(
        name="lost_fence",
        said="The lock is enough, the row need not compare",
        file="patterns/caching/fenced_lock/__init__.py",
        old='rows.filter(**{f"{fence_field}__lte": token}).update(',
        new="rows.update(",
        target="test", variables=test("patterns", "lost_the_lock"), says="test_the_one_that_lost_the_lock_writes_nothing",
    ),
    Fault(
        name="others_orders",
        said="The client only asks for its own",
        file="rest_demo/shop/models.py",
        old="return self if user.is_staff else self.filter(customer=user.pk)",
        new="return self.all()",
        target="test", variables=test("rest_demo", "order_of_another"), says="test_an_order_of_another_does_not_exist",
    ),
    Fault(
        name="missing_migration",
        said="It works here: my database had the column",
        file="rest_demo/shop/models.py",
        old="name = models.CharField(max_length=200)",
        new="name = models.CharField(max_length=250)",
        target="test", variables=test("rest_demo", "migration"), says="test_every_model_change_has_its_migration",
    ),
    Fault(
        name="default_secret",
        said="A default secret, so that it starts everywhere",
        file="rest_demo/config/settings.py",
        old='if DEBUG else "")\nif not DEBUG and (not SECRET_KEY or SECRET_KEY.startswith("insecure")):',
        new=")\nif not DEBUG and not SECRET_KEY:",
        target="test", variables=test("rest_demo", "production_refuses"), says="test_production_refuses_a_missing_or_default_secret",
    ),
    Fault(
        name="green_health",
        said="The health check was red, so I took the database out",
        file="rest_demo/config/urls.py",
        old="    optional = [\n        *([(Redis",
        new="    required = []\n    optional = [\n        *([(Redis",
        target="test", variables=test("rest_demo", "ready_names"), says="test_ready_names_the_dependency_that_is_down",
    ),
    Fault(
        name="schema_drift",
        said="I will export the schema later",
        file="graphql_demo/schema.graphql",
        old="  profile(username: String!): Profile\n",
        new="",
        target="test", variables=test("graphql_demo", "committed_schema"), says="test_the_committed_schema_is_the_codes",
    ),
    Fault(
        name="early_bump",
        said="The page can be forgotten at once, why wait for the commit",
        file="patterns/caching/generations/generation.py",
        old="transaction.on_commit(self.bump, using=using, robust=True)",
        new="self.bump()",
        target="claims", variables=test("caching_demo", "stale_price"), says="claim broken: caching_demo/stale_price",
    ),
    Fault(
        name="typed_number",
        said="It is really 1, I know it",
        file="rest_demo/lab/double_click.md",
        old="| orders | 50 | 1 |",
        new="| orders | 500 | 1 |",
        target="shape", variables={"ONLY": "measured"}, says="test_the_readmes_say_what_was_measured",
    ),
    Fault(
        name="against_the_arrows",
        said="The pattern needs only one little model of the shop",
        file="patterns/http/keyset/__init__.py",
        new="\n\nfrom shop.models import Product  # noqa: E402, F401\n",
        target="shape", variables={"ONLY": "imports_go_one_way and rest"}, says="test_imports_go_one_way",
    ),
    Fault(
        name="naive_outside",
        said="Just until the new one is ready",
        file="rest_demo/shop/services.py",
        new="\n\ndef naive_place_order() -> None:\n    pass\n",
        target="shape", variables={"ONLY": "naive"}, says="test_naive_code_lives_in_the_lab_only",
    ),
    Fault(
        name="dead_link",
        said="The page has moved",
        file="CONTRIBUTING.md",
        new="\n[How we deploy](docs/deployment-that-was.md)\n",
        target="shape", variables={"ONLY": "links"}, says="test_links_lead_somewhere",
    ),
    Fault(
        name="start_order",
        said="PostgreSQL starts faster than we do",
        file="docker-compose.yml",
        old="postgres: {condition: service_healthy}",
        new="postgres: {condition: service_started}",
        target="shape", variables={"ONLY": "health"}, says="test_a_service_that_stays_has_a_health_check_and_waits_for_health",
    ),
    Fault(
        name="waved_through",
        said="It fails now and then, || true",
        file=".github/workflows/ci.yml",
        old="- run: make lint\n",
        new="- run: make lint || true\n",
        target="shape", variables={"ONLY": "waved"}, says="test_nothing_that_fails_is_waved_through",
    ),
    Fault(
        name="outside_the_gate",
        said="A new job; branch protection will know it",
        file=".github/workflows/ci.yml",
        old="needs: [changes, lint, ",
        new="needs: [changes, ",
        target="shape", variables={"ONLY": "gate"}, says="test_the_gate_asks_for_every_job",
    ),
    Fault(
        name="unpinned_action",
        said="@v6 is the same, and shorter",
        file=".github/actions/setup/action.yml",
        old="actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0",
        new="actions/setup-python@v6",
        target="lint", variables={"ONLY": "safety"}, says="unpinned-uses",
    ),
    Fault(
        name="misspelt_need",
        said="needs: chnages",
        file=".github/workflows/ci.yml",
        old="needs: changes\n    if: needs.changes.outputs.shared",
        new="needs: chnages\n    if: needs.changes.outputs.shared",
        target="lint", variables={"ONLY": "sense"}, says="chnages",
    ),
    Fault(
        name="root_container",
        said="It needs to write somewhere",
        file="Dockerfile",
        old="USER 10001:10001",
        new="USER root",
        target="lint", variables={"ONLY": "Dockerfile"}, says="DL3002",
    ),
    Fault(
        name="committed_key",
        said="The server needs it, and the repository is private",
        file="rest_demo/config/deploy.pem",
        new=KEY + "MIIEpAIBAAKCAQEA\n",
        target="lint", variables={"ONLY": "secrets"}, says="Private Key",
    ),
    Fault(
        name="wip",
        said="wip",
        file=".git/COMMIT",  # planted.py commits it
        new="wip\n",
        target="commits", variables={"BASE": "HEAD~1"}, says='"wip"',
    ),
]  # fmt: skip
