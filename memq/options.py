"""The options of the command line, and which of them go together."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from memq import __version__
from memq.printing import FORMATS, REPORTS, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCES = ("text", "json", "markdown")
"""Forms of what --schema prints."""
NO_MATCH = 10
_REPORTS = f"{', '.join(REPORTS[:-1])} and {REPORTS[-1]}"

_USAGE = f"""\
memq DUMP [-e QUERY | -f FILE] [option ...]
       memq DUMP --playbook PATH ... [option ...]
       memq --case FILE [-e QUERY | -f FILE] [option ...]
       memq --case FILE --merge FILE ...
       memq --schema [{{{",".join(REFERENCES)}}}]
       memq --check-playbook PATH ...
"""

_EXAMPLE = """\
Without a query, memq opens its interpreter; there, .help tells more.

example:
  memq dump.lime -e 'process.Where(vad.is_executable && vad.is_anonymous).Select([pid, name])'
"""


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it ends the program with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.query is not None and options.file is not None:
        parser.error("-e/--query and -f/--file both say what to ask: give one of them")
    question = options.query if options.file is None else options.file
    given = [options.dump, question, options.output, options.let]
    given += [options.profile, options.symbol_server, options.pagefile]
    given += [options.dtb, options.kernel_base, options.playbook, options.level, options.tag]
    given += [options.case, options.merge]
    if options.schema or options.check_playbook:
        flags = options.exit_match, options.undecided, options.explain
        several = options.schema and options.check_playbook
        if several or any(flags) or any(text is not None for text in given):
            name = "--schema" if options.schema else "--check-playbook"
            parser.error(f"{name} stands alone: no dump, no query, no other option")
        return options
    if options.explain and options.output not in (None, "json", "table"):
        parser.error("--explain prints text, or JSON with -o json")
    if options.explain and (options.undecided or options.exit_match):
        parser.error("--explain runs no query: nothing is undecided, and nothing matches")
    if options.dump is None and options.case is None and not options.merge:
        if options.playbook:
            parser.error("all behind --playbook are rules; write memq DUMP --playbook PATH ...")
        parser.error("the following arguments are required: DUMP")
    _check_hunt(parser, options, question)
    _check_case(parser, options, question)
    asked = {
        "--undecided": options.undecided,
        "--explain": options.explain,
        "--exit-match": options.exit_match,
    }
    alone = [name for name, is_given in asked.items() if is_given and question is None]
    if alone and not options.playbook:
        parser.error(f"{alone[0]} speaks of a query: give one with -e or -f")
    return options


def _check_hunt(
    parser: argparse.ArgumentParser, options: argparse.Namespace, question: str | None
) -> None:
    """End the program where options do not go with hunting rules, or go with them only."""
    if not options.playbook:
        if options.level or options.tag:
            name = "--level" if options.level else "--tag"
            parser.error(f"{name} selects rules: give some with --playbook")
        if options.output in REPORTS:
            forms = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
            parser.error(f"-o {options.output} is a report of --playbook: use -o {forms}")
        return
    if question is not None:
        parser.error("--playbook runs rules, and -e and -f ask a query: give one of them")
    if options.undecided or options.explain:
        name = "--undecided" if options.undecided else "--explain"
        parser.error(f"{name} speaks of one query: give the rule's by -e")


def _check_case(
    parser: argparse.ArgumentParser, options: argparse.Namespace, question: str | None
) -> None:
    """End the program where a case is to be asked and to be filled, or neither."""
    if options.merge and (options.case is None or options.dump or question is not None):
        parser.error("--merge puts cases into the one of --case: give that, no dump and no query")
    if options.case is None:
        return
    if options.dump is not None:
        if question is not None:
            parser.error("--case keeps what --playbook finds; to ask the case, leave out the dump")
        return
    if options.playbook:
        parser.error("--playbook runs rules on a dump: give one, and --case keeps what they find")
    of_dumps = {
        "--profile": options.profile,
        "--symbol-server": options.symbol_server,
        "--dtb": options.dtb,
        "--kernel-base": options.kernel_base,
        "--pagefile": options.pagefile,
    }
    for name, value in of_dumps.items():
        if value is not None:
            parser.error(f"{name} speaks of a dump, and --case by itself asks a case")


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return what writes the help: argparse makes one for each option, this wide."""
    return argparse.RawDescriptionHelpFormatter(prog, width=terminal_columns() - 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memq",
        usage=_USAGE,
        description="Answer questions about a memory dump, with nothing but the dump.",
        epilog=_EXAMPLE,
        formatter_class=_formatter,
    )
    parser.add_argument(
        "dump",
        metavar="DUMP",
        nargs="?",
        help="raw, LiME, ELF core or Windows crash dump; zstd, xz and gzip are unpacked once",
    )
    parser.add_argument("-e", "--query", metavar="QUERY", help="what to ask")
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="a script that asks it; - for standard input"
    )
    parser.add_argument(
        "--let",
        metavar="NAME=VALUE",
        action="append",
        help='a name in the query: --let pid=42, --let \'shells=["sh", "bash"]\'',
    )
    _add_forms(parser)
    parser.add_argument(
        "--schema",
        nargs="?",
        const=REFERENCES[0],
        choices=REFERENCES,
        help="print which objects, fields, methods and functions there are; needs no dump",
    )
    parser.add_argument(
        "--check-playbook",
        metavar="PATH",
        nargs="+",
        help="say what is wrong with hunting rules: files, folders, zips or names; needs no dump",
    )
    _add_hunt(parser)
    parser.add_argument("--version", action="version", version=f"memq {__version__}")
    return parser


def _add_hunt(parser: argparse.ArgumentParser) -> None:
    """Add the options that run hunting rules."""
    parser.add_argument(
        "--playbook",
        metavar="PATH",
        nargs="+",
        action="extend",
        help="run hunting rules: files, folders, zips, or names of the set that comes with memq, "
        "as default",
    )
    parser.add_argument(
        "--case",
        metavar="FILE",
        help="keep what rules find in a case; without a dump, -e asks it",
    )
    parser.add_argument(
        "--merge",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="put what others have found and marked, in cases of their own, into that of --case",
    )
    parser.add_argument("--level", metavar="LEVEL", help="only the rules of this level and above")
    parser.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        help="only the rules with this tag, as attack.t1055, which has its sub-techniques with it",
    )


def _add_forms(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is printed, and in which form."""
    parser.add_argument(
        "-o",
        "--output",
        choices=(*FORMATS, *REPORTS),
        help=f"format of the result (table on a terminal, else json); {_REPORTS}: of rules only",
    )
    parser.add_argument(
        "--profile",
        metavar="FILE",
        help="an ISF or PDB file, or a folder of them, where types are not known otherwise",
    )
    parser.add_argument(
        "--symbol-server",
        metavar="URL",
        help="Windows: a server that may be asked for the kernel's PDB; nobody is asked otherwise",
    )
    parser.add_argument(
        "--dtb", metavar="ADDRESS", type=_address, help="Windows: where the page tables begin"
    )
    parser.add_argument(
        "--kernel-base", metavar="ADDRESS", type=_address, help="Windows: where the kernel begins"
    )
    parser.add_argument(
        "--pagefile",
        metavar="FILE",
        action="append",
        help="a page file of the machine; several are numbered as they come",
    )
    parser.add_argument(
        "--exit-match", action="store_true", help=f"exit with {NO_MATCH} if nothing matches"
    )
    parser.add_argument(
        "--undecided",
        action="store_true",
        help="print, instead of the result, what could not be decided, and why",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print, instead of the result, how it would be found; JSON with -o json",
    )


def _address(text: str) -> int:
    """Read an address; for what is none, the error of which argparse makes a message."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write it as 0x1ad000")
    return value
