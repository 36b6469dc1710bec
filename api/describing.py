"""Describing: what the OpenAPI description says beside what the views say."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = "#/components/schemas/Problem"
REFUSALS = {
    "400": "Something of what was sent is wrong; fields says what.",
    "401": "There is no token, or it opens nothing.",
    "403": "The account that the token acts as lacks a right.",
    "429": "Too much was asked for; Retry-After says when to go on.",
}
"""What every address may answer."""
NOT_FOUND = {"404": "There is no such row, or it is not for this account to see."}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made under Settings, API tokens.",
        }


def add_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add to every operation how it refuses; called by drf-spectacular."""
    for path, operations in result["paths"].items():
        said = {**REFUSALS, **(NOT_FOUND if "{" in path else {})}
        for operation in operations.values():
            for status, words in said.items():
                operation["responses"].setdefault(status, _problem(words))
    return result


def _problem(words: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": PROBLEM}}}
    return {"description": words, "content": content}
