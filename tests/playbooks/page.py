"""docs/playbooks.md: the rules that come with memq, what they are about, and their proofs.

python -m tests.pages writes it anew.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from memq.hunt.attack import Technique, load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.names import FOLDER
from memq.os.systems import SYSTEMS
from memq.output.reference.page import table
from tests.playbooks import linux, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.hunt.attack import Attack
    from memq.hunt.rule import Rule
    from tests.playbooks.proof import Proof

_HEAD = """\
# The playbooks that come with memq

<!-- made by python -m tests.pages, of the rules and of the proofs in tests/playbooks -->

`memq DUMP --playbook default` runs all of these rules, `--playbook linux` or `windows` those for
one system, and `--playbook linux/hidden-process` one of them. [Hunting rules](rules.md) tells how,
and how a site leaves out what is harmless there. Techniques are those of ATT&CK {version}.

What a rule was **proven on** is run by the tests: the rule finds there what was put there, and
nothing else. **Seen** means that a running system did it, **made** that an image was built for it,
or bytes of one were changed. The *guest* is that of `python -m tests.playbooks.guest_image FOLDER`:
real processes that do these things, beside ordinary ones. Level and false positives say what a
match is worth: none of them is a verdict.
"""


def page() -> str:
    """Return the page."""
    attack = load_attack()
    proofs = (*linux.PROOFS, *windows.PROOFS)
    parts = [_HEAD.format(version=attack.version)]
    for system in SYSTEMS:
        rules = {_name(rule): rule for rule in _rules(system.name, attack)}
        parts.append(f"\n## {system.title}\n\n{_overview(rules, attack)}")
        for name, rule in rules.items():
            own = [proof for proof in proofs if proof.rule == name]
            parts.append("\n" + "\n\n".join(_section(name, rule, own, attack)) + "\n")
    return "".join(parts)


def _rules(system: str, attack: Attack) -> tuple[Rule, ...]:
    playbook = load_playbook([FOLDER / system], attack)
    if playbook.errors:
        raise playbook.errors[0]
    return playbook.rules


def _name(rule: Rule) -> str:
    """Return the name by which --playbook knows a rule."""
    path = PurePath(rule.place.rsplit(":", 2)[0])
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def _overview(rules: dict[str, Rule], attack: Attack) -> str:
    rows = [
        (f"[{rule.title}](#{name.replace('/', '')})", rule.level, _briefly(rule, attack))
        for name, rule in rules.items()
    ]
    return table(("rule", "level", "techniques"), rows)


def _briefly(rule: Rule, attack: Attack) -> str:
    return ", ".join(technique.id for technique in _techniques(rule, attack))


def _techniques(rule: Rule, attack: Attack) -> list[Technique]:
    found = [attack.tag(tag) for tag in rule.tags]
    return [one for one in found if isinstance(one, Technique)]


def _section(name: str, rule: Rule, proofs: list[Proof], attack: Attack) -> Iterator[str]:
    """Yield the paragraphs on a rule."""
    yield f"### {name}"
    linked = ", ".join(f"[{t.id} {t.name}]({t.url})" for t in _techniques(rule, attack))
    yield f"**{rule.title}**: {rule.level}, {rule.status}, {linked}"
    yield rule.description.strip()
    parameters = (rule.parameters or {}).items()
    if parameters:
        yield "Parameters:\n" + _list(f"`{n}`: {one.description}" for n, one in parameters)
    if rule.filters:
        yield "It leaves out:\n" + _list(one.title for one in rule.filters)
    yield "False positives:\n" + _list(rule.falsepositives)
    yield "Proven on:\n" + _list(
        f"{proof.planted} ({proof.image}; {'seen' if proof.is_real else 'made'})"
        for proof in proofs
    )


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)
