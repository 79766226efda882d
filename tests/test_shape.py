"""Answers of a given form: schemas judged like the package jsonschema does, and answers read into data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, TypeAdapter, field_validator

from xiantong_nb.errors import UsageError
from xiantong_nb.fits import misfits
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text
from xiantong_nb.schema import checked, portable
from xiantong_nb.shape import shape

NAMES = st.sampled_from(("a", "b", "ab"))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from((0.5, 1.0, -2.0)), NAMES, st.just(""))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
COUNTS = st.integers(0, 3)
TYPES = st.sampled_from(("object", "array", "string", "number", "integer", "boolean", "null"))


def keywords(inner):
    """Schemas of a few keywords each, over smaller schemas."""
    some = st.lists(inner, min_size=1, max_size=3)
    known = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "multipleOf": st.sampled_from((1, 2, 0.5)),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.integers(-2, 2),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": st.sampled_from(("^a", "b$", ".")),
        "items": inner,
        "prefixItems": some,
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "contains": inner,
        "minContains": COUNTS,
        "maxContains": COUNTS,
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "patternProperties": st.dictionaries(st.sampled_from(("^a", "b")), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "title": st.just("told"),
    }
    pairs = [st.tuples(st.just(name), values) for name, values in known.items()]
    return st.lists(st.one_of(pairs), max_size=4).map(dict)


SCHEMAS = keywords(st.booleans() | keywords(st.booleans() | keywords(st.booleans())))


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, st.lists(VALUES, min_size=1, max_size=6))
@example({"type": "integer"}, [1.0, True, 1.5])
@example({"enum": [1, [True]]}, [1.0, True, [1], [True]])
@example({"multipleOf": 0.5}, [1, 1.5, 0.7])
def test_the_same_verdict_as_jsonschema(schema, values):
    judge = jsonschema.Draft202012Validator(schema)
    for value in values:
        assert (not misfits(value, checked(schema, "it"))) == judge.is_valid(value), (schema, value)


def test_references_lead_within_the_schema():
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "of": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["name"],
            },
            "a/b~c": {"const": 1},
        },
    }
    good, bad = {"name": "a", "of": [{"name": "b"}]}, {"name": "a", "of": [{"name": "b", "of": [{}]}]}
    assert misfits(good, checked(tree, "it")) == []
    assert misfits(bad, checked(tree, "it")) == ["$.of[0].of[0]: name is missing"]
    assert misfits(1, checked({"$ref": "#/$defs/a~1b~0c", "$defs": tree["$defs"]}, "it")) == []
    assert "refers to itself" in misfits(1, checked({"$ref": "#"}, "it"))[0]


def test_a_misfit_is_a_sentence_with_its_place():
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "tags": {"items": {"enum": ["a", "b"]}}},
        "required": ["n", "name"],
        "additionalProperties": False,
    }
    assert misfits({"n": 0, "tags": ["a", "c"], "x": 1}, checked(schema, "it")) == [
        "$.n: is 0, less than 1",
        '$.tags[1]: is "c", none of "a", "b"',
        "$: name is missing",
        "$: x is not foreseen",
    ]
    assert misfits("x", {"type": ["object", "null"]}) == ['$: is "x", not of type object or null']
    assert len(misfits(["x"] * 50, {"items": {"type": "null"}})) == 5


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "int"}, "it.type is not what this keyword takes"),
        ({"properties": {"a": 5}}, "it.properties.a is no schema"),
        ({"properties": []}, "it.properties is not what"),
        ({"anyOf": []}, "it.anyOf is not what"),
        ({"pattern": "("}, "it.pattern is not what"),
        ({"patternProperties": {"(": True}}, "it.patternProperties has a name that is no pattern"),
        ({"minLength": -1}, "it.minLength is not what"),
        ({"required": "a"}, "it.required is not what"),
        ({"multipleOf": 0}, "it.multipleOf is not what"),
        ({"$ref": "https://example.org/x"}, "leads nowhere"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"items": {"unevaluatedItems": False}}, "it.items.unevaluatedItems is a keyword that is not judged here"),
        ({"$dynamicRef": "#a"}, "not judged"),
        ({type: object}, "a name that is no text"),
        ({"const": {1, 2}}, "is not JSON"),
        ({"default": float}, "is not JSON"),
    ],
)
def test_what_cannot_be_judged_is_refused_beforehand(schema, says):
    with pytest.raises(UsageError, match=says.replace(".", r"\.")) as caught:
        checked(schema, "it")
    assert "JSON schema as a dict" in caught.value.hint


@settings(max_examples=200, deadline=None)
@given(SCHEMAS)
def test_what_endpoints_are_given_is_a_schema_of_closed_objects(schema):
    given_ = portable(checked({**schema, "type": "object"}, "it"))
    if given_ is None:
        return
    jsonschema.Draft202012Validator.check_schema(given_)
    told = json.dumps(given_)
    assert not any(f'"{name}":' in told for name in ("minLength", "pattern", "oneOf", "not", "if", "patternProperties"))
    assert given_["additionalProperties"] is False


class City(BaseModel):
    name: str = Field(min_length=2)
    founded: date
    people: int = Field(ge=0, description="how many")

    @field_validator("name")
    @classmethod
    def not_nowhere(cls, name: str) -> str:
        if name == "Nowhere":
            raise ValueError("there is no such city")
        return name


class Shop(BaseModel):
    city: City
    sizes: dict[str, int]


@dataclass
class Point:
    x: float
    y: float = 0.0


def test_limits_are_told_where_a_facility_has_no_word_for_them():
    assert portable(City.model_json_schema()) == {
        "type": "object",
        "title": "City",
        "properties": {
            "name": {"type": "string", "title": "Name", "description": "(minLength: 2)"},
            "founded": {"type": "string", "title": "Founded", "format": "date"},
            "people": {"type": "integer", "title": "People", "description": "how many (minimum: 0)"},
        },
        "required": ["name", "founded", "people"],
        "additionalProperties": False,
    }
    assert portable(Shop.model_json_schema()) is None, "a map of any names"
    assert portable({"type": "array", "items": {}}) is None
    assert portable(shape(Point).schema)["properties"]["x"] == {"type": "number"}


CITY = '{"name": "Ulm", "founded": "0854-07-22", "people": 126949}'


@pytest.mark.parametrize(
    ("form", "answer", "data"),
    [
        (City, CITY, City(name="Ulm", founded=date(854, 7, 22), people=126949)),
        (City, f"Here you are:\n\n```json\n{CITY}\n```\n", City(name="Ulm", founded=date(854, 7, 22), people=126949)),
        (City, f"```\nno\n```\n```\n{CITY}\n```", City(name="Ulm", founded=date(854, 7, 22), people=126949)),
        (RootModel[list[int]], "[1, 2]", RootModel[list[int]]([1, 2])),
        (TypeAdapter(dict[str, int]), '{"a": 1}', {"a": 1}),
        ({"type": "object"}, ' {"a": [1, 2.5, null]} ', {"a": [1, 2.5, None]}),
        ({}, "123456789012345678901234567890", 123456789012345678901234567890),
        (Point, '{"x": 1}', Point(1.0)),
        (list[int], "[1, 2]", [1, 2]),
        (bool, "true", True),
    ],
)
def test_an_answer_is_read_into_its_form(form, answer, data):
    found, problem = shape(form).data(Reply(blocks=(Text(answer),)))
    assert (found, problem) == (data, "")
    assert type(found) is type(data)


@pytest.mark.parametrize(
    ("form", "answer", "says"),
    [
        (City, "Ulm.", "it is not JSON"),
        (City, "", "it is empty"),
        (City, '{"name": "U", "founded": "x"}', "$.name: String should have at least 2 characters; $.founded: "),
        (City, CITY.replace("Ulm", "Nowhere"), "$.name: Value error, there is no such city"),
        ({"type": "object"}, "[1]", "$: is [1], not of type object"),
        ({}, "NaN", "it is not JSON"),
        ({"type": "object"}, '```json\n{"a": 1\n```', "it is not JSON"),
        (Point, '{"x": "1"}', "Expected `float`, got `str`"),
        (TypeAdapter(list[int]), '{"a": "x"}', "$: Input should be a valid array"),
    ],
)
def test_what_does_not_fit_is_said(form, answer, says):
    found, problem = shape(form).data(Reply(blocks=(Text(answer),)))
    assert found is None
    assert problem.startswith(says)


@pytest.mark.parametrize("value", [5, "x", None, print, open, object])
def test_what_is_no_schema_is_refused(value):
    with pytest.raises(UsageError, match=r"^schema is no schema"):
        shape(value)


def test_a_shape_stays_what_it_is():
    made = shape(City)
    assert shape(made) is made
    assert json.dumps(City.model_json_schema(), ensure_ascii=False) in made.in_words
