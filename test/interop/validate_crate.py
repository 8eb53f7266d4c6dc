"""Checks RO-Crates against the Process Run Crate profile with the validator of the RO-Crate community.

The context that crates name is answered from the copy that the `rocrate` package brings, so that nothing is fetched.
Prints one line of JSON per crate: the checks that failed, with what they say.
"""

import json
import sys
from importlib.resources import files

from rocrate_validator import models, services
from rocrate_validator.utils import document_loader

context = json.loads((files("rocrate") / "data" / "ro-crate.jsonld").read_text())
fetch = document_loader._original_source_to_json


def from_package(source, *args):
    if str(source) == "https://w3id.org/ro/crate/1.1/context":
        return context, None
    return fetch(source, *args)


document_loader._original_source_to_json = from_package

for crate in sys.argv[1:]:
    result = services.validate(
        services.ValidationSettings(
            rocrate_uri=crate,
            profile_identifier="process-run-crate",
            requirement_severity=models.Severity.RECOMMENDED,
            # These two fetch the context to see whether it can be fetched.
            skip_checks=["ro-crate-1.1_3.1", "ro-crate-1.1_3.2"],
        )
    )
    issues = [
        f"{issue.severity.name} {issue.check.identifier}: {issue.message} ({issue.violatingEntity})"
        for issue in result.get_issues()
    ]
    print(json.dumps({"crate": crate, "passed": result.passed(), "checks": len(result.executed_checks), "issues": issues}))
