"""Trusted documents: the server executes the queries that its own clients were built with, and no others.

Problem         A public GraphQL endpoint is an interpreter for strangers' programs. Limits bound how bad one of those can be;
                but the clients are ours, and they send a dozen queries that are known when they are built.
Guarantee       With `required`, a document is executed only if it is on the list, sent by its id or by its text; anything else is
                refused before it is parsed. An id is the SHA-256 of its text, checked when the list is loaded. Without `required`
                ids of the list work and other queries pass.
Not guaranteed  Anything about variables: a trusted document with a page size of the client's choice is still to be limited.
                Old clients: keep their documents on the list for as long as they are out there.
Cost            The list in memory; a hash for a query that is sent by its text. Requests get smaller, and may be cached by GET.
Use instead     Automatic persisted queries, where only the bytes matter: a client may register anything there.

The list is what `graphql-codegen` writes with `persistedDocuments`: {"<sha256>": "query …", …}.

Sources: graphql.github.io/graphql-over-http, appendix "Persisted documents"; benjie.dev/graphql/trusted-documents.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from graphql import GraphQLError


class NotTrusted(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "PERSISTED_DOCUMENT_NOT_FOUND"})


class TrustedDocuments:
    def __init__(self, documents: Mapping[str, str], *, required: bool) -> None:
        if wrong := [name for name, text in documents.items() if name != sha256(text)]:
            raise ValueError(f"not the SHA-256 of their documents: {', '.join(wrong)}")
        self.documents, self.required = dict(documents), required

    @classmethod
    def load(cls, path: Path, *, required: bool) -> Self:
        return cls(json.loads(path.read_text()), required=required)

    def source(self, data: Mapping[str, Any]) -> str | None:
        """The text of the document that a request asks for; None when it names none. Raises NotTrusted."""
        if (document_id := asked_id(data)) is not None:
            if document_id not in self.documents:
                raise NotTrusted("There is no document with this id.")
            return self.documents[document_id]
        query = data.get("query")
        if query and self.required and sha256(query) not in self.documents:
            raise NotTrusted("Only documents that this service knows are executed.")
        return query


def asked_id(data: Mapping[str, Any]) -> str | None:
    """`documentId` of the specification's appendix, with its optional prefix, or `extensions.persistedQuery` as Apollo sends it."""
    document_id = data.get("documentId") or ((data.get("extensions") or {}).get("persistedQuery") or {}).get("sha256Hash")
    return document_id.removeprefix("sha256:") if isinstance(document_id, str) else None


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
