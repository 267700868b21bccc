"""The examples of the OpenAPI document against the schemas beside them: python3 examples.py openapi.json"""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)

checked, wrong = 0, []


def check(where, schema, example):
    global checked
    checked += 1
    # References lead into the document: its components lie beside the schema.
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for error in validator.iter_errors(example):
        wrong.append(f"{where} {error.json_path}: {error.message}")


for path, item in document["paths"].items():
    for method, operation in item.items():
        name = operation["operationId"]
        for parameter in operation["parameters"]:
            if "example" in parameter:
                check(f"{name} {parameter['name']}", parameter["schema"], parameter["example"])
        answered = operation["responses"]["200"]["content"]
        # An operation that answers a file has no JSON.
        contents = {"answer": answered["application/json"]} if "application/json" in answered else {}
        if "requestBody" in operation:
            contents["body"] = operation["requestBody"]["content"]["application/json"]
        for part, content in contents.items():
            if "example" in content:
                check(f"{name} {part}", content["schema"], content["example"])

if wrong:
    sys.exit("\n".join(wrong))
print(f"{checked} examples are valid")
