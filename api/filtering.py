"""Filtering: what the address of a list may ask for, checked before it is used."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from .errors import Wrong

LARGEST_ID = 2**63 - 1


class Id(serializers.IntegerField):
    """A row's id: what no column can hold is no id."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **options)


class Query(serializers.Serializer[Any]):
    """The parameters of an address. One that is not known is refused: misspelt, it
    would leave all rows where few were asked for."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        query = cls(data=request.query_params.dict())
        unknown = request.query_params.keys() - query.fields.keys()
        if unknown:
            known = f"is not known here: {', '.join(query.fields)} are."
            raise Wrong((name, known) for name in sorted(unknown))
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


class PageQuery(Query):
    after = Id(required=False, help_text="Begin after the row with this id.")
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=500, help_text="Rows at most; 100."
    )
