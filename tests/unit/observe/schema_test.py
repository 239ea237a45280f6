#!/usr/bin/env python3
"""Every report that resumectl writes fits cycle-1.schema.json.

usage: schema_test.py SCHEMA RESUMECTL FILE...
"""
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)


def main() -> int:
    schema_path, resumectl, *files = sys.argv[1:]
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    run = subprocess.run([resumectl, "verify", "--json", *files], capture_output=True, text=True)
    bad = 0
    lines = run.stdout.splitlines()
    for number, line in enumerate(lines, 1):
        for error in validator.iter_errors(json.loads(line)):
            print(f"report {number}: {'/'.join(map(str, error.path))}: {error.message}")
            bad += 1
    print(f"{len(lines)} reports, {bad} findings")
    return 0 if lines and bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
