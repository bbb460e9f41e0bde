"""Trusted documents: a server executes only the queries of its own clients.

Problem
    A public GraphQL endpoint executes what strangers write. Your own clients send a
    dozen queries, all known when they are built.

Guarantee
    - With `required`, only documents on the list run, sent by id or text. Others are
      refused before parsing.
    - An id is the SHA-256 of its text, checked when the list is loaded.
    - Without `required`, other texts pass.
    - A malformed id is a client's error.

Not guaranteed
    Anything about variables: limit them too. Keep old clients' documents on the list.

Cost
    The list in memory; a hash per query sent as text.

Use instead
    Automatic persisted queries, for smaller requests: any client can register there.
    (Checked 2026-11.)

Source: graphql.github.io/graphql-over-http, appendix "Persisted documents"

Use
    # your code
    import json, pathlib
    from patterns.graphql.trusted_documents import TrustedDocuments, sha256
    path = pathlib.Path("persisted-documents.json")  # graphql-codegen's persistedDocuments
    path.write_text(json.dumps({sha256("{ a }"): "{ a }"}))
    trusted = TrustedDocuments.load(path, required=True)
    query = trusted.source({"documentId": sha256("{ a }")})  # the request's JSON body
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


class MalformedId(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class TrustedDocuments:
    def __init__(self, documents: Mapping[str, str], *, required: bool) -> None:
        if wrong := [name for name, text in documents.items() if name != sha256(text)]:
            raise ValueError(f"not the SHA-256 of their documents: {', '.join(wrong)}")
        self.documents, self.required = dict(documents), required

    @classmethod
    def load(cls, path: Path, *, required: bool) -> Self:
        return cls(json.loads(path.read_text()), required=required)

    def source(self, data: Mapping[str, Any]) -> str | None:
        """The document that a request names; None if it names none.

        Raises NotTrusted and MalformedId.
        """
        if (document_id := requested_id(data)) is not None:
            if document_id not in self.documents:
                raise NotTrusted("There is no document with this id.")
            return self.documents[document_id]
        query = data.get("query")
        if query and self.required and sha256(query) not in self.documents:
            raise NotTrusted("This service executes only the documents on its list.")
        return query


def requested_id(data: Mapping[str, Any]) -> str | None:
    """`documentId` with its optional prefix, or Apollo's `extensions.persistedQuery`."""
    document_id = data.get("documentId")
    if document_id is None:
        persisted = (data.get("extensions") or {}).get("persistedQuery")
        if persisted is None:
            return None
        if not isinstance(persisted, Mapping):
            raise MalformedId("extensions.persistedQuery must be an object with a sha256Hash.")
        document_id = persisted.get("sha256Hash")
    if not isinstance(document_id, str):
        raise MalformedId("The id of a document must be a string.")
    return document_id.removeprefix("sha256:")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
