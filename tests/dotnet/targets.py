"""The command line that npm/build/Preinit.targets runs after `dotnet publish`, which cannot be run here: targets.py NODE JS INPUTS WORK

Reads the file as MSBuild would, as far as it goes, and runs the command on inputs/dotnet.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

node, js, inputs, work = sys.argv[1], *map(lambda path: Path(path).resolve(), sys.argv[2:5])
targets = Path(__file__).resolve().parents[2] / "npm/build/Preinit.targets"


def expanded(text, properties):
    return re.sub(r"\$\((\w+)\)", lambda found: properties.get(found[1], ""), text)


def holds(condition, properties):
    for part in re.split(r"\s+And\s+", expanded(condition, properties)):
        if exists := re.fullmatch(r"Exists\('(.*)'\)", part):
            if not os.path.exists(exists[1]):
                return False
        elif equal := re.fullmatch(r"'(.*)' == '(.*)'", part):
            if equal[1] != equal[2]:
                return False
        else:
            raise SystemExit(f"{targets}: the condition {part} is not understood")
    return True


def command(properties):
    """What the target runs with these properties; None if it does not run."""
    properties = dict(properties)
    (target,) = xml.parse(targets).getroot().iter("Target")
    assert target.get("AfterTargets") == "Publish"
    if not holds(target.get("Condition"), properties):
        return None
    for element in target.find("PropertyGroup"):
        if holds(element.get("Condition", "'' == ''"), properties):
            properties[element.tag] = expanded(element.text, properties)
    return expanded(target.find("Exec").get("Command"), properties)


publish = work / "publish"
shutil.rmtree(publish, ignore_errors=True)
shutil.copytree(inputs / "dotnet", publish / "AppBundle")
properties = {"PublishDir": f"{publish}/"}
assert command(properties) is None, "it runs without being asked"
asked = properties | {"PreinitSnapshot": "true", "PreinitOptions": "--host node --main-args warm"}
expected = f'npx preinit dotnet "{publish}/AppBundle" -o "{publish}/preinit" --host node --main-args warm'
assert command(asked) == expected, command(asked)
script = work / "preinit.mjs"
script.write_text(f"const {{ run }} = await import('file://{js}/dotnet/cli.js');\nprocess.exit(await run(process.argv.slice(3)));\n")
subprocess.run(command(asked | {"PreinitCommand": f'"{node}" "{script}"'}), shell=True, check=True)
assert list((publish / "preinit/_framework").glob("dotnet.preinit.*.wasm")), "no snapshot was written"
(publish / "wwwroot").mkdir()
assert f'"{publish}/wwwroot"' in command(asked), command(asked)
print("ok: the command of Preinit.targets makes a snapshot")
