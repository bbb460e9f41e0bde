"""Models whose writes bump: by signals, and by their QuerySet where Django sends none."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.checks import CheckMessage, Error
from django.db import models
from django.db.models import signals

from .generation import Generation

M = TypeVar("M", bound=models.Model)
SILENT = (models.SET_NULL, models.SET_DEFAULT)  # updates that send no signal


class BumpingQuerySet(models.QuerySet[M]):
    """Bumps for writes that send no signal. Use it as the model's manager."""

    def update(self, **values: Any) -> int:  # bulk_update comes through here
        self._check()
        changed = super().update(**values)
        self._bump(changed)
        return changed

    def bulk_create(self, objs: Iterable[M], *words: Any, **options: Any) -> list[M]:
        self._check()
        created = super().bulk_create(objs, *words, **options)
        self._bump(len(created))
        return created

    def _check(self) -> None:
        self._for_write = True
        check(self.model, self.db)

    def _bump(self, rows: int) -> None:
        if rows:
            self.model.generation().bump_on_commit(self.db)  # type: ignore[attr-defined]

    update.alters_data = True  # type: ignore[attr-defined]


class Bumping(models.Model):
    """A model whose writes bump `generation`: a function, set on the class, that returns it."""

    generation: Callable[[], Generation]

    class Meta:
        abstract = True

    @classmethod
    def check(cls, **options: Any) -> list[CheckMessage]:
        return [*super().check(**options), *refused(cls)]


def refused(model: type[models.Model]) -> list[CheckMessage]:
    """Errors for everything that would change rows without a bump."""
    errors: list[CheckMessage] = []
    if not isinstance(model._default_manager.get_queryset(), BumpingQuerySet):
        hint = "Use objects = BumpingQuerySet.as_manager(), also as base_manager_name."
        text = "Its default manager does not invalidate the cache."
        errors.append(Error(text, hint, obj=model, id="generations.E001"))
    for field in model._meta.get_fields():
        remote: Any = getattr(field, "remote_field", None)
        on_delete = getattr(remote, "on_delete", None)
        if not field.concrete or on_delete in (None, models.CASCADE, models.PROTECT):
            continue
        is_bumping = isinstance(remote.model, type) and issubclass(remote.model, Bumping)
        if on_delete in (models.RESTRICT, models.DO_NOTHING) or is_bumping:
            continue
        hint = "Use CASCADE, PROTECT or RESTRICT, or make the related model Bumping."
        text = f"Deleting a {remote.model} changes {field.name} without an invalidation."
        errors.append(Error(text, hint, obj=model, id="generations.E002"))
    return errors


def check(model: Any, using: str | None) -> None:
    """Before the first write of a transaction. Raises NotInvalidated."""
    generation = model.generation()
    if not generation.is_due(using):
        generation.check()


def before(sender: Any, using: str, **_: Any) -> None:
    check(sender, using)


def after(sender: Any, using: str, **_: Any) -> None:
    sender.generation().bump_on_commit(using)


def connect(sender: Any, **_: Any) -> None:
    """Per model: a receiver for all senders would take Django's fast deletes from every model."""
    if not issubclass(sender, Bumping) or sender._meta.abstract:
        return
    if not sender._meta.base_manager_name:  # related managers write through it
        sender._meta.base_manager_name = sender._meta.default_manager.name
        sender._meta.__dict__.pop("base_manager", None)  # a cached property
    for signal, receiver in (
        (signals.pre_save, before),  # also loaddata, which calls no save()
        (signals.post_save, after),
        (signals.pre_delete, before),  # also cascades
        (signals.post_delete, after),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=receiver.__name__)


def many_to_many(instance: Any, model: Any, action: str, using: str, **_: Any) -> None:
    for each in {type(instance), model}:
        if issubclass(each, Bumping):
            (before if action.startswith("pre_") else after)(each, using)


signals.class_prepared.connect(connect, dispatch_uid=f"{__name__}.connect")
signals.m2m_changed.connect(many_to_many, dispatch_uid=f"{__name__}.many_to_many")
