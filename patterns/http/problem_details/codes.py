"""The codes of errors, and the code and detail of a status that says no more."""

from enum import StrEnum


class Code(StrEnum):
    """Codes of errors that are not a domain's own. A service adds its own, and lists all."""

    BAD_REQUEST = "bad_request"
    MALFORMED_REQUEST = "malformed_request"  # these three are a proxy's, before any application
    REQUEST_TIMEOUT = "request_timeout"
    HEADERS_TOO_LARGE = "headers_too_large"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_BODY = "malformed_body"  # another media type's
    INVALID = "invalid"  # fields of the body: see `errors`
    INVALID_PARAMETER = "invalid_parameter"  # of the query: see `errors`
    IDEMPOTENCY_KEY_REQUIRED = "idempotency_key_required"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IDEMPOTENCY_KEY_IN_FLIGHT = "idempotency_key_in_flight"
    NOT_AUTHENTICATED = "not_authenticated"
    AUTHENTICATION_FAILED = "authentication_failed"
    INVALID_TOKEN = "invalid_token"  # noqa: S105
    PERMISSION_DENIED = "permission_denied"
    CSRF_FAILED = "csrf_failed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    LENGTH_REQUIRED = "length_required"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    THROTTLED = "throttled"
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"


DEFAULTS = {
    400: (Code.BAD_REQUEST, "The request is malformed."),
    401: (Code.NOT_AUTHENTICATED, "Log in first."),
    403: (Code.PERMISSION_DENIED, "You do not have permission to do this."),
    404: (Code.NOT_FOUND, "Not found."),
    405: (Code.METHOD_NOT_ALLOWED, "This method is not allowed here."),
    406: (Code.NOT_ACCEPTABLE, "None of the accepted media types is available."),
    409: (Code.CONFLICT, "The request conflicts with the current state of the resource."),
    411: (Code.LENGTH_REQUIRED, "Send a Content-Length header."),
    412: (Code.PRECONDITION_FAILED, "The resource has changed. Read it again."),
    413: (Code.BODY_TOO_LARGE, "The body is too large."),
    415: (Code.UNSUPPORTED_MEDIA_TYPE, "The media type is not supported."),
    428: (Code.PRECONDITION_REQUIRED, "A precondition is required."),
    429: (Code.THROTTLED, "Too many requests."),
    500: (Code.INTERNAL_ERROR, "Internal error. The request_id identifies it in the log."),
    503: (Code.UNAVAILABLE, "Temporarily unavailable. Try again later."),
}
