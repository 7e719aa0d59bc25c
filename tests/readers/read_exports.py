#!/usr/bin/env python3
"""Reads the exports of a directory with the libraries that people use, and compares what they read.

    academic-directory export bibtex --output out/export.bib
    academic-directory export ris --output out/export.ris
    academic-directory export csl --output out/export.json
    npm install --prefix out citation-js && cp read_exports.mjs out && node out/read_exports.mjs out
    pip install pybtex bibtexparser rispy
    python3 read_exports.py out

The CSL-JSON export, read as plain JSON, is the reference. Prints the number of differences of each library and the first
ones. citation-js reads fields of RIS and BibLaTeX only for the types of which their specifications have them: what it reads
elsewhere or ignores is counted by kind, with an example. Exits with status 1 if there is any other difference. Run by hand:
it needs the network for the libraries.
"""

import json
import logging
import re
import sys
from pathlib import Path

MAX_SHOWN = 5
RIS_READERS = ("rispy", "citation-js, export.ris")


def digits(text):
    return re.sub(r"[^0-9X]", "", text or "")


def pages(text):
    return re.sub(r"\s*[-–—]+\s*", "-", text or "")


def words(text):
    return " ".join((" ".join(text) if isinstance(text, list) else text or "").split())


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
    # The number of an article, which citation styles expect in place of pages, or that of a report.
    number = item.get("number", "")
    # That of a preprint is its identifier, which has fields of its own.
    number = "" if number.startswith("arXiv:") else number
    return {
        "title": words(item.get("title")),
        "authors": names,
        "year": str(date[0]) if date[0] else "",
        "doi": (item.get("DOI") or "").lower(),
        "venue": words(item.get("container-title") or item.get("collection-title")),
        "volume": item.get("volume", ""),
        "issue": item.get("issue", ""),
        "pages": pages(item.get("page")) if item.get("page") != item.get("number") else "",
        "number": number,
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


def of_bibtex(kind, fields, authors):
    is_report = kind == "techreport"
    venue = fields.get("journal") or fields.get("booktitle") or fields.get("series") or ""
    return {
        "title": latex(fields.get("title")),
        "authors": authors,
        "year": fields.get("year", ""),
        "doi": latex(fields.get("doi")).lower(),
        "venue": latex(venue),
        "volume": latex(fields.get("volume")),
        "issue": "" if is_report else latex(fields.get("number")),
        "pages": pages(latex(fields.get("pages"))),
        "number": latex(fields.get("number" if is_report else "eid")),
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
        read[key] = of_bibtex(entry.type.lower(), fields, people)
    return read


def read_bibtexparser(path):
    import bibtexparser

    logging.disable(logging.WARNING)
    library = bibtexparser.parse_file(str(path))
    assert not library.failed_blocks, library.failed_blocks[:3]
    read = {}
    for entry in library.entries:
        fields = {field.key.lower(): str(field.value) for field in entry.fields}
        authors = names_of_bibtex(fields.get("author", ""))
        read[entry.key] = of_bibtex(entry.entry_type.lower(), fields, authors)
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
            is_report = item.get("type_of_reference") == "RPRT"
            number = item.get("issn", "")
            number = number if isinstance(number, list) else [number]
            read[item["id"]] = {
                "title": words(item.get("title") or item.get("primary_title")),
                "authors": people,
                "year": (item.get("year") or "")[:4],
                "doi": (item.get("doi") or "").lower(),
                "venue": words(item.get("secondary_title") or item.get("journal_name")),
                "volume": item.get("volume", ""),
                "issue": "" if is_report else item.get("number", ""),
                "pages": pages("-".join(filter(None, [item.get("start_page"), item.get("end_page")]))),
                "number": words(item.get("number" if is_report else "custom7")),
                "publisher": words(item.get("publisher")),
                "numbers": digits("".join(number)),
                "keywords": keywords(item.get("keywords", [])),
            }
    return read


def citation_js_items(path):
    return {item.get("citation-key") or item["id"]: item for item in json.loads(Path(path).read_text())}


def explain_biblatex(field, wanted, item):
    """How citation-js reads a field of BibLaTeX that it does not read as the reference has it."""
    kind, is_lost = item.get("type"), not reference(item)[field]
    if field == "issue" and is_lost and item.get("collection-number") == wanted["issue"]:
        return "the `number` of a chapter or book is its number in a series (collection-number)"
    if field == "issue" and is_lost and kind not in ("article-journal", "paper-conference"):
        return "`number` is ignored but in articles, conference papers and parts of books"
    if field in ("publisher", "venue") and item.get("publisher") == wanted["venue"]:
        return "`howpublished`, and the `school` of a thesis, is the publisher"
    if field == "venue" and is_lost and wanted["publisher"] and kind not in ("article-journal", "paper-conference", "chapter"):
        return "`howpublished` beside a publisher is ignored"
    return None


def explain_ris(field, wanted, item):
    """How citation-js reads a field of RIS that it does not read as the reference has it."""
    kind, is_lost = item.get("type"), not reference(item)[field]
    if field == "issue" and is_lost and item.get("number-of-volumes") == wanted["issue"]:
        return "the IS of a chapter is its number of volumes"
    if field == "issue" and is_lost and kind != "article-journal":
        return "IS is ignored but in articles and chapters"
    if field == "volume" and is_lost and kind in ("thesis", "manuscript", "dataset"):
        return "the VL of theses, preprints and datasets is ignored"
    if field == "publisher" and is_lost and kind == "article-journal":
        return "the PB of articles is ignored"
    if field == "number" and is_lost and kind != "article-journal":
        return "the IS of reports, and the C7 of preprints, is ignored"
    if field == "pages" and is_lost and item.get("number-of-pages") == wanted["pages"].split("-")[0]:
        return "the SP of theses is their number of pages"
    if field in ("issn", "isbn"):
        numbers = digits(item.get("ISSN")) + digits(item.get("ISBN"))
        if sorted(numbers) == sorted(wanted["issn"] + wanted["isbn"]):
            return "SN is one number, of the kind that the type has, also where it names several"
        if not numbers and kind in ("thesis", "manuscript", "report"):
            return "the SN of theses, preprints and reports is ignored"
    if field == "venue" and is_lost and wanted["venue"] in (item.get("collection-title"), item.get("event-title")):
        return "the T2 of books, reports and preprints is their series"
    if field == "venue" and is_lost and kind in ("dataset", "thesis"):
        return "the T2 of datasets and theses is ignored"
    return None


def compare(library, read, expected, explain=None):
    differences = [f"{key}: is missing" for key in expected.keys() - read.keys()]
    differences += [f"{key}: is unknown" for key in read.keys() - expected.keys()]
    explained = {}
    for key in sorted(expected.keys() & read.keys()):
        wanted = expected[key]
        found = reference(read[key]) if explain else read[key]
        for field, value in found.items():
            right = wanted["issn"] + wanted["isbn"] if field == "numbers" else wanted[field]
            if value == right or field == "numbers" and sorted(value) == sorted(right):
                continue
            if field == "authors" and library in RIS_READERS and [", ".join(filter(None, name)) for name in value] == [name[0] for name in right]:
                # RIS has no way to say that a name with commas is whole.
                continue
            if field in ("publisher", "venue") and not value and not explain:
                # BibTeX has no field for some of them, depending on the type of the entry.
                continue
            difference = f"{key}: {field} is {value!r} instead of {right!r}"
            kind = explain(field, wanted, read[key]) if explain else None
            if kind:
                explained.setdefault(kind, []).append(difference)
            else:
                differences.append(difference)
    total = sum(map(len, explained.values()))
    print(f"{library}: {len(read)} papers, {len(differences)} differences" + (f", {total} explained" if total else ""))
    for difference in differences[:MAX_SHOWN]:
        print("  " + difference)
    for kind, examples in sorted(explained.items()):
        print(f"  {len(examples)} × {kind}, such as {examples[0]}")
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
            compare(f"citation-js, {file}", citation_js_items(folder / f"citation-js.{file}.json"), expected, explain)
            for file, explain in [
                ("export.json", lambda *_: None),
                ("export.bib", explain_biblatex),
                ("export.ris", explain_ris),
            ]
        ],
    ]
    sys.exit(0 if all(results) else 1)


main()
