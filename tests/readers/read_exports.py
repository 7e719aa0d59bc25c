#!/usr/bin/env python3
"""Reads the exports of a directory with the libraries that people use, and compares what they read.

    academic-directory export bibtex --output out/export.bib
    academic-directory export ris --output out/export.ris
    academic-directory export csl --output out/export.json
    npm install --prefix out citation-js && cp read_exports.mjs out && node out/read_exports.mjs out
    pip install pybtex bibtexparser rispy
    python3 read_exports.py out

The CSL-JSON export, read as plain JSON, is the reference. Prints the number of differences of each library and the first
ones; exits with status 1 if there are any. Run by hand: it needs the network for the libraries.
"""

import json
import logging
import re
import sys
from pathlib import Path

MAX_SHOWN = 5


def digits(text):
    return re.sub(r"[^0-9X]", "", text or "")


def pages(text):
    return re.sub(r"\s*[-–—]+\s*", "-", text or "")


def words(text):
    return " ".join((text or "").split())


def keywords(value):
    parts = value if isinstance(value, list) else re.split(r"[,;]", value or "")
    return sorted(words(part) for part in parts if part.strip())


def reference(item):
    names = [
        (words(a.get("literal")), "", "")
        if "literal" in a
        else (words(" ".join(filter(None, [a.get("non-dropping-particle"), a.get("family")]))), words(a.get("given")), words(a.get("suffix")))
        for a in item.get("author", [])
    ]
    date = item.get("issued", {}).get("date-parts", [[None]])[0]
    return {
        "title": words(item.get("title")),
        "authors": names,
        "year": str(date[0]) if date[0] else "",
        "doi": (item.get("DOI") or "").lower(),
        "venue": words(item.get("container-title")),
        "volume": item.get("volume", ""),
        "issue": item.get("issue", ""),
        "pages": pages(item.get("page")),
        "publisher": words(item.get("publisher")),
        "issn": digits(item.get("ISSN")),
        "isbn": digits(item.get("ISBN")),
        "keywords": keywords(item.get("keyword")),
    }


def latex(text):
    """The plain text of a field, for libraries that leave commands in place."""
    text = re.sub(r"\\([&%$#_{}])", r"\1", text or "")
    for command, letter in [("textbackslash", "\\"), ("textasciitilde", "~"), ("textasciicircum", "^")]:
        text = re.sub(r"\\" + command + r"(\{\}|\s|(?=\W))", lambda _: letter, text)
    return words(re.sub(r"(?<!\\)[{}]", "", text))


def names_of_bibtex(text):
    """Splits a list of names at "and" outside of braces, and each name at its commas."""
    names, depth, start = [], 0, 0
    text = words(text)
    for match in re.finditer(r"[{}]| and ", text):
        token = match.group()
        if token == " and ":
            if depth == 0:
                names.append(text[start : match.start()])
                start = match.end()
        else:
            depth += 1 if token == "{" else -1
    names.append(text[start:])
    split = []
    for name in filter(None, names):
        if name.startswith("{") and name.endswith("}"):
            split.append((latex(name), "", ""))
            continue
        parts = [latex(part) for part in re.split(r",(?![^{]*\})", name)]
        split.append((parts[0], parts[-1] if len(parts) > 1 else "", parts[1] if len(parts) > 2 else ""))
    return split


def of_bibtex(fields, authors):
    venue = fields.get("journal") or fields.get("booktitle") or ""
    return {
        "title": latex(fields.get("title")),
        "authors": authors,
        "year": fields.get("year", ""),
        "doi": latex(fields.get("doi")).lower(),
        "venue": latex(venue),
        "volume": latex(fields.get("volume")),
        "issue": latex(fields.get("number")),
        "pages": pages(latex(fields.get("pages"))),
        "publisher": latex(fields.get("publisher") or fields.get("school") or fields.get("institution")),
        "issn": digits(fields.get("issn")),
        "isbn": digits(fields.get("isbn")),
        "keywords": keywords(latex(fields.get("keywords"))),
    }


def read_pybtex(path):
    from pybtex.database import parse_file

    read = {}
    for key, entry in parse_file(str(path), bib_format="bibtex").entries.items():
        people = []
        for person in entry.persons.get("author", []):
            family = " ".join(person.prelast_names + person.last_names)
            given = " ".join(person.first_names + person.middle_names)
            people.append((latex(family), latex(given), latex(" ".join(person.lineage_names))))
        fields = {name.lower(): value for name, value in entry.fields.items()}
        read[key] = of_bibtex(fields, people)
    return read


def read_bibtexparser(path):
    import bibtexparser

    logging.disable(logging.WARNING)
    library = bibtexparser.parse_file(str(path))
    assert not library.failed_blocks, library.failed_blocks[:3]
    read = {}
    for entry in library.entries:
        fields = {field.key.lower(): str(field.value) for field in entry.fields}
        read[entry.key] = of_bibtex(fields, names_of_bibtex(fields.get("author", "")))
    return read


def read_rispy(path):
    import rispy

    read = {}
    with open(path, encoding="utf-8") as file:
        for item in rispy.load(file):
            people = []
            for name in item.get("authors", item.get("first_authors", [])):
                parts = [words(part) for part in name.split(",")]
                people.append((parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""))
            number = item.get("issn", "")
            number = number if isinstance(number, list) else [number]
            read[item["id"]] = {
                "title": words(item.get("title") or item.get("primary_title")),
                "authors": people,
                "year": (item.get("year") or "")[:4],
                "doi": (item.get("doi") or "").lower(),
                "venue": words(item.get("secondary_title") or item.get("journal_name")),
                "volume": item.get("volume", ""),
                "issue": item.get("number", ""),
                "pages": "-".join(filter(None, [item.get("start_page"), item.get("end_page")])),
                "publisher": words(item.get("publisher")),
                "numbers": digits("".join(number)),
                "keywords": keywords(item.get("keywords", [])),
            }
    return read


def read_citation_js(path):
    return {item.get("citation-key") or item["id"]: reference(item) for item in json.loads(Path(path).read_text())}


def compare(library, read, expected):
    differences = [f"{key}: is missing" for key in expected.keys() - read.keys()]
    differences += [f"{key}: is unknown" for key in read.keys() - expected.keys()]
    for key in expected.keys() & read.keys():
        wanted = expected[key]
        for field, value in read[key].items():
            right = wanted["issn"] + wanted["isbn"] if field == "numbers" else wanted[field]
            if field in ("publisher", "venue") and not value:
                # BibTeX has no field for some of them, depending on the type of the entry.
                continue
            if value != right and not (field == "numbers" and sorted(value) == sorted(right)):
                differences.append(f"{key}: {field} is {value!r} instead of {right!r}")
    print(f"{library}: {len(read)} papers, {len(differences)} differences")
    for difference in differences[:MAX_SHOWN]:
        print("  " + difference)
    return not differences


def main():
    folder = Path(sys.argv[1])
    expected = {item["id"]: reference(item) for item in json.loads((folder / "export.json").read_text())}
    print(f"reference: {len(expected)} papers, {sum(len(item['authors']) for item in expected.values())} authors")
    results = [
        compare("pybtex", read_pybtex(folder / "export.bib"), expected),
        compare("bibtexparser", read_bibtexparser(folder / "export.bib"), expected),
        compare("rispy", read_rispy(folder / "export.ris"), expected),
        *[
            compare(f"citation-js, {file}", read_citation_js(folder / f"citation-js.{file}.json"), expected)
            for file in ["export.json", "export.bib", "export.ris"]
        ],
    ]
    sys.exit(0 if all(results) else 1)


main()
