"""Keys: Enter runs what is complete, and goes on in a new line where the parser wants more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, completion_is_selected, has_completions, has_focus
from prompt_toolkit.key_binding import KeyBindings

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyPressEvent

_INDENT = "  "
_OPENING, _CLOSING = "([{", ")]}"


def bindings(runs: Callable[[str], bool]) -> KeyBindings:
    """Return the keys; `runs` says whether Enter runs a text, or begins a new line in it."""
    keys = KeyBindings()
    in_entry = has_focus(DEFAULT_BUFFER)  # and not where one types what is sought

    @keys.add("enter", filter=in_entry & completion_is_selected)
    def _take(event: KeyPressEvent) -> None:
        """Take the completion that is selected, and go on."""
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=in_entry & ~completion_is_selected)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if runs(buffer.text):
            buffer.validate_and_handle()
        else:
            begin_line(buffer)

    @keys.add("tab", filter=in_entry & ~has_completions)
    def _complete(event: KeyPressEvent) -> None:
        complete(event.current_buffer)

    @keys.add("escape", "enter", filter=in_entry)
    def _line(event: KeyPressEvent) -> None:
        begin_line(event.current_buffer)

    @keys.add("escape", filter=in_entry & has_completions & Condition(_is_alone), eager=True)
    def _close(event: KeyPressEvent) -> None:
        """Close the menu."""
        event.current_buffer.cancel_completion()

    keys.add("(", filter=in_entry & Condition(lambda: _is_there("(")))(_again)
    keys.add('"', filter=in_entry & Condition(lambda: _is_there('"')))(_again)
    return keys


def _is_alone() -> bool:
    """Whether no other key came with this one, as Enter comes behind Escape with Alt-Enter."""
    return not get_app().key_processor.input_queue


def _is_there(sign: str) -> bool:
    """Whether what was just completed ends with the sign that is typed behind it out of habit."""
    state = get_app().current_buffer.complete_state
    taken = None if state is None else state.current_completion
    return taken is not None and taken.text.removesuffix(")").endswith(sign)


def _again(event: KeyPressEvent) -> None:
    """Leave a sign out that is there, and of `name()` let the bracket be closed by hand."""
    buffer = event.current_buffer
    buffer.complete_state = None
    if buffer.document.text_before_cursor.endswith("()"):
        buffer.delete_before_cursor()
    buffer.start_completion()


def complete(buffer: Buffer) -> None:
    """Insert what is the same in all that may come; where that is nothing, open the menu.

    At once, for a fast typist goes on before a menu could be there.
    """
    document = buffer.document
    asked = CompleteEvent(completion_requested=True)
    found = list(buffer.completer.get_completions(document, asked))
    # What only holds the letters is for the menu, where something begins with them.
    found = [one for one in found if _goes_on(document, one)] or found
    if len(found) == 1:
        buffer.apply_completion(found[0])
        return
    common = get_common_complete_suffix(document, found)
    if common:
        buffer.insert_text(common)
    else:
        buffer.start_completion()


def _goes_on(document: Document, completion: Completion) -> bool:
    """Whether a completion begins with what is typed."""
    before = document.text_before_cursor
    typed = before[len(before) + completion.start_position :]
    return completion.text.lower().startswith(typed.lower())


def begin_line(buffer: Buffer) -> None:
    """Begin a new line, indented by the brackets that are open before the cursor."""
    before = buffer.document.text_before_cursor
    line = before.rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    if line.rstrip()[-1:] in tuple(_OPENING):
        indent += _INDENT
    elif buffer.document.text_after_cursor[:1] in tuple(_CLOSING):
        indent = indent[len(_INDENT) :]
    buffer.insert_text(f"\n{indent}")
