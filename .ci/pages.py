"""What of the site is made from the code: fields, help texts, docstrings, and notebooks as pages.

From one of these lines to `<!-- end -->` a page of docs/ has, as `make reference` writes it:

- `<!-- api mec_gym.system -->`: what a module, class or function is, what it has and where it
  stands; on the site all that its docstrings say
- `<!-- fields mec_gym.scenario:Scenario -->`: a table of the fields of a settings class
- `<!-- presets mec_gym.presets:PRESETS -->`: a table of what each preset changes
- `<!-- help train paper -->`: what `mec-gym train paper --help` prints

Each docs/notebooks/NAME.py becomes the page notebooks/NAME.md with what its cells print and draw.
It is run once, and again when its text or the package has changed.
"""

import base64
import contextlib
import hashlib
import importlib
import inspect
import io
import os
import re
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "docs" / "notebooks"
KEPT = ROOT / "build" / "notebooks"

STYLE = """
.md-grid { max-width: 74rem; }
.md-typeset th code, .md-typeset td:first-child > code { white-space: nowrap; }
.md-typeset h1 { margin-bottom: 0.6em; }
.md-typeset pre > code { font-size: 0.74em; }
"""
"""Wide enough for lines of 100 characters; names of fields stay whole."""

_PART = re.compile(
    r"^<!-- (api|fields|presets|help)( [^\n]+?)? -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def api(name: str) -> str:
    """Return what mkdocstrings reads."""
    return f"::: {name}"


def api_in_short(name: str) -> str:
    """Return what a module, class or function is, where it stands, and what it has."""
    found = _imported(name)
    file = Path(inspect.getsourcefile(found) or "").relative_to(ROOT).as_posix()
    lines = [f"### `{name}`", "", f"{_first_sentence(found)} In [{file}](../../{file})."]
    if rows := [f"| `{each}` | {_cell(said)} |" for each, said in _members(found).items()]:
        lines += ["", "| name | what |", "|---|---|", *rows]
    return "\n".join(lines)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def _members(found: Any) -> dict[str, str]:
    """Return the public functions, classes, methods and properties of a module or class."""
    if inspect.ismodule(found):
        named = {name: getattr(found, name) for name in getattr(found, "__all__", vars(found))}
        members = {
            name: value
            for name, value in named.items()
            if inspect.isroutine(value) or inspect.isclass(value)
            if hasattr(found, "__all__") or value.__module__ == found.__name__
        }
    else:
        members = {
            name: getattr(value, "__func__", value)
            for name, value in (vars(found) if inspect.isclass(found) else {}).items()
            if inspect.isfunction(getattr(value, "__func__", value)) or hasattr(value, "fget")
        }
    public = {name: value for name, value in members.items() if not name.startswith("_")}
    return {name: _first_sentence(value) for name, value in public.items() if value.__doc__}


def _first_sentence(found: Any) -> str:
    paragraph = (inspect.getdoc(found) or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def fields(name: str) -> str:
    """Return a Markdown table of the fields of a settings class, given as "module:class"."""
    model = _found(name)
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for field, info in model.model_fields.items():
        if field == "kind":
            continue  # the page's headings have it
        meaning = info.description or ""
        rows.append(f"| `{field}` | {_default(info.default)} | {_cell(meaning)} |")
    return "\n".join(rows)


def presets(name: str) -> str:
    """Return a Markdown table of the presets in a dictionary, given as "module:dictionary"."""
    rows = ["| preset | what it changes |", "|---|---|"]
    for preset, changes in _found(name).items():
        said = ", ".join(f"`{field} = {_text(value)}`" for field, value in changes.items())
        rows.append(f"| `{preset}` | {said or 'nothing: the defaults'} |")
    return "\n".join(rows)


def _found(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "must be given"
    return "none" if value in (None, ()) else f"`{_text(value)}`"


def _text(value: Any) -> str:
    """Return a value as commands show it, else about as TOML has it."""
    if hasattr(value, "model_fields_set"):
        name = getattr(value, "label", "custom")
        if name != "custom":
            return str(name)
        given = [name for name in type(value).model_fields if name in value.model_fields_set]
        inside = ", ".join(
            f"{field} = {_text(getattr(value, field))}" for field in given if field != "kind"
        )
        kind = getattr(value, "kind", "")  # a channel's
        return f"{kind} {{{inside}}}".strip() if inside else str(kind)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, float):
        return re.sub(r"e([+-])0*", lambda sign: "e" + sign[1].strip("+"), f"{value:g}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return re.sub(r"([|<>*_])", r"\\\1", text) if "`" not in text else text.replace("|", "\\|")


def help_of(command: str) -> str:
    """Return what a command of `mec-gym` prints when it is asked for help."""
    from mec_gym.__main__ import main

    os.environ["COLUMNS"] = "88"  # what fits beside the site's menus
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*command.split(), "--help"])
    lines = (line.rstrip() for line in printed.getvalue().strip().splitlines())
    return "\n".join(["```text", *lines, "```"])


_WRITTEN = {"api": api_in_short, "fields": fields, "presets": presets, "help": help_of}
_ON_THE_SITE = _WRITTEN | {"api": api}


def expand(page: str) -> str:
    """Return a page as the site has it."""
    return _PART.sub(lambda part: _ON_THE_SITE[part[1]]((part[2] or "").strip()), page)


def written(page: str) -> str:
    """Return a page of docs/ with what the code says now."""

    def anew(part: re.Match[str]) -> str:
        made = _WRITTEN[part[1]]((part[2] or "").strip())
        return f"<!-- {part[1]}{part[2] or ''} -->\n{made}\n<!-- end -->"

    return _PART.sub(anew, page)


def write() -> None:
    """Write the pages of docs/ that are made from the code."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (made := written(text)) != text:
            page.write_text(made, encoding="utf-8")
            print(page.relative_to(ROOT))


def notebook(file: Path) -> Any:
    """Return a notebook with its results."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    sources = [file, *sorted((ROOT / "mec_gym").rglob("*.py"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    kept = KEPT / f"{file.stem}-{digest[:16]}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    read = jupytext.read(file)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    KEPT.mkdir(parents=True, exist_ok=True)
    quiet = ["--log-level=ERROR"]
    client = NotebookClient(
        read, timeout=600, kernel_name="python3", extra_arguments=quiet, coalesce_streams=True
    )
    client.execute(cwd=str(KEPT))
    for stale in KEPT.glob(f"{file.stem}-*.ipynb"):
        stale.unlink()
    nbformat.write(read, kept)
    return read


def page_of(cells: Any, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook's cells as Markdown, and the pictures in it by their names."""
    parts, pictures = [], {}
    for cell in cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        if cell.cell_type != "code":
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                picture = f"{name}-{len(pictures)}.png"
                pictures[picture] = base64.b64decode(data["image/png"])
                parts.append(f"![]({picture})")
            elif text := output.get("text") or data.get("text/plain"):
                parts.append(f"```text\n{text.rstrip()}\n```")
    parts.insert(
        1, f"*This page is the notebook `docs/notebooks/{name}.py`, a text that Jupyter opens too.*"
    )
    return "\n\n".join(parts) + "\n", pictures


def on_files(files: Any, config: Any) -> Any:
    """Add the notebooks' pages: MkDocs calls this."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "site.css", content=STYLE))
    for file in sorted(NOTEBOOKS.glob("*.py")):
        text, pictures = page_of(notebook(file).cells, file.stem)
        made = {f"{file.stem}.md": text, **pictures}
        for name, content in made.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Expand a page, and lead links to a notebook to its page: MkDocs calls this."""
    return re.sub(r"(\]\([^)\s]*notebooks/\w+)\.py\)", r"\1.md)", expand(markdown))


if __name__ == "__main__":
    write()
