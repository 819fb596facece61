"""Whether the API takes and answers what its description says, watched over all calls of all tests."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from campaigns.web.api.openapi import document, path_of

BODILESS = (204, 304)


def closed(schema: Any) -> Any:
    """The same, but that an object has no keys besides those that are described."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    inside = {name: closed(each) for name, each in schema.items()}
    if isinstance(inside.get("properties"), dict) and "type" in inside:
        inside.setdefault("additionalProperties", False)
    return inside


class Watch:
    """Looks at each call of an app; `strays` are those that are not as described."""

    def __init__(self, app: Flask) -> None:
        self.strays: list[str] = []
        self._told = json.loads(json.dumps(document(app)))
        self._components = closed(self._told["components"])
        self._answer_judge, self._body_judge = cache(self._judge_answer), cache(self._judge_body)
        app.after_request(self.look)

    def _judge_answer(self, path: str, method: str, status: int) -> Any:
        operation = self._told["paths"].get(path, {}).get(method)
        answer = operation["responses"].get(str(status)) if operation else {"$ref": "Error"}
        if answer is None:
            return None
        schema = {"$ref": "#/components/schemas/Error"}
        if "$ref" not in answer:
            schema = closed(answer.get("content", {}).get("application/json", {}).get("schema", {}))
        return self._validator(schema)

    def _judge_body(self, path: str, method: str) -> Any:
        content = self._told["paths"][path][method].get("requestBody", {}).get("content", {})
        return self._validator(content.get("application/json", {}).get("schema", {}))

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        whole = {**schema, "components": self._components}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)

    def look(self, response: Response) -> Response:
        """Judge one call: its answer, and its body if that was taken."""
        if request.path.startswith("/api/") and request.method not in ("HEAD", "OPTIONS"):
            path = path_of(request.url_rule) if request.url_rule else ""
            method = request.method.lower()
            self._look_at_answer(path, method, response)
            if response.status_code < 300 and request.mimetype == "application/json" and request.get_data():
                self._note(self._body_judge(path, method), request.get_json(), f"{method} {path} took")
        return response

    def _look_at_answer(self, path: str, method: str, response: Response) -> None:
        judge = self._answer_judge(path, method, response.status_code)
        if judge is None:
            self.strays.append(f"{method} {path} answered {response.status_code}, which is not described")
        elif response.status_code not in BODILESS:
            self._note(judge, response.get_json(), f"{method} {path} answered {response.status_code}")

    def _note(self, judge: Any, value: Any, where: str) -> None:
        # Whoever names a field with half a surrogate pair is told so, but not understood by the validator.
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        for error in judge.iter_errors(json.loads(text)):
            self.strays.append(f"{where}: {'.'.join(map(str, error.instance_path))}: {error.message[:300]}")
