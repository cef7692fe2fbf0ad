#!/usr/bin/env python3
"""docs/api.md from docs/openapi.yaml: every operation with its arguments, bodies and answers, as Markdown.

Usage: tools/api_reference.py          prints the page
       tools/api_reference.py --check  exits 1 when docs/api.md is another
"""
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete")
DEPTH_MAX = 3  # Of nested objects that a table still names.


class Reference:
    def __init__(self, document: dict):
        self.document = document
        self.lines: list[str] = []

    def resolve(self, node: dict) -> dict:
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def kind(self, schema: dict) -> str:
        """What a value is, in a few words: "integer 1 to 100, default 10"."""
        schema = self.resolve(schema)
        if "oneOf" in schema:
            return " or ".join(dict.fromkeys(self.kind(one) for one in schema["oneOf"]))
        if schema.get("type") == "array":
            text = "list of " + (self.kind(schema.get("items", {})) if self.resolve(schema.get("items", {})) else "anything")
            return text + (f", at most {schema['maxItems']}" if "maxItems" in schema else "")
        text = schema.get("type", "anything")
        if "enum" in schema:
            text = ", ".join(f"`{one}`" for one in schema["enum"])
        if "minimum" in schema or "maximum" in schema:
            text += f" {schema.get('minimum', '…')} to {schema.get('maximum', '…')}"
        if "maxLength" in schema:
            text += f", at most {schema['maxLength']} bytes"
        if "default" in schema:
            text += f", default `{json.dumps(schema['default'])}`"
        return text

    def members(self, schema: dict, prefix: str = "", depth: int = 0):
        """(name, kind, required, description) of an object's members, nested ones behind dots."""
        schema = self.resolve(schema)
        if schema.get("type") == "array":
            yield from self.members(schema.get("items", {}), prefix + "[].", depth)
            return
        required = schema.get("required", [])
        for name, one in schema.get("properties", {}).items():
            member = self.resolve(one)
            yield prefix + name, self.kind(member), name in required, member.get("description", one.get("description", ""))
            if depth < DEPTH_MAX and (member.get("type") == "object" or member.get("type") == "array"):
                inner = prefix + name + ("[]." if member["type"] == "array" else ".")
                target = member.get("items", {}) if member["type"] == "array" else member
                yield from self.members(target, inner, depth + 1)

    def add(self, *lines: str) -> None:
        self.lines.extend(lines)

    def table(self, rows: list) -> None:
        if not rows:
            return
        self.add("", "| name | | |", "|---|---|---|")
        for name, kind, required, description in rows:
            text = " ".join(str(description).split()).replace("|", "\\|")
            self.add(f"| `{name}`{' *' if required else ''} | {kind.replace('|', chr(92) + '|')} | {text} |")

    def body(self, node: dict) -> None:
        body = self.resolve(node)
        for kind, content in body.get("content", {}).items():
            if kind != "application/json":
                self.add("", f"Or `{kind}`, one object a line." if "ndjson" in kind else f"Or `{kind}`.")
                continue
            rows = list(self.members(content.get("schema", {})))
            self.add("", f"**Body**: {self.kind(content.get('schema', {}))}, as JSON.")
            self.table(rows)
            if "example" in content:
                self.add("", "```json", json.dumps(content["example"], ensure_ascii=False), "```")

    def answers(self, responses: dict) -> None:
        errors = []
        for status, node in responses.items():
            response = self.resolve(node)
            if not str(status).startswith("2"):
                errors.append(f"{status} {response['description'].rstrip('.')}")
                continue
            self.add("", f"**{status}**: {response['description']}")
            for content in response.get("content", {}).values():
                self.table(list(self.members(content.get("schema", {}))))
        if errors:
            self.add("", "Errors: " + "; ".join(errors) + ".")

    def operation(self, path: str, method: str, shared: list, one: dict) -> None:
        self.add("", f"### {method.upper()} {path.replace('{', '&#123;').replace('}', '&#125;')}", "", one["summary"].rstrip(".") + ".")
        if "description" in one:
            self.add("", one["description"].strip())
        parameters = [self.resolve(each) for each in [*shared, *one.get("parameters", [])]]
        self.table([(each["name"], self.kind(each.get("schema", {})), each.get("required", False),
                     f"{'in the path' if each['in'] == 'path' else ''}{each.get('description', '')}") for each in parameters])
        if "requestBody" in one:
            self.body(one["requestBody"])
        self.answers(one["responses"])

    def page(self) -> str:
        info = self.document["info"]
        self.add("# API", "", "<!-- Made by tools/api_reference.py from openapi.yaml; do not edit. -->", "",
                 f"{info['title']} {info['version']}. The same as a document for programs: [openapi.yaml](openapi.yaml), also at "
                 "`/openapi.yaml` of every server. A star marks what must be there.", "", info.get("description", "").strip())
        tags: dict[str, list] = {}
        for path, operations in self.document["paths"].items():
            for method in METHODS:
                if method in operations:
                    tag = operations[method]["tags"][0]
                    tags.setdefault(tag, []).append((path, method, operations.get("parameters", []), operations[method]))
        for tag, operations in tags.items():
            self.add("", f"## {tag[0].upper()}{tag[1:]}")
            for one in operations:
                self.operation(*one)
        return "\n".join(self.lines).strip() + "\n"


def main() -> int:
    page = Reference(yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())).page()
    if "--check" not in sys.argv:
        print(page, end="")
        return 0
    if PAGE.read_text() == page:
        return 0
    print("docs/api.md is not what docs/openapi.yaml says: tools/api_reference.py >docs/api.md")
    return 1


if __name__ == "__main__":
    sys.exit(main())
