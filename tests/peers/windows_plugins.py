"""A program for a Python that has volatility3: plugins on a Windows image, no automagic.

    python windows_plugins.py IMAGE TABLE DTB BASE ARCHITECTURE PLUGIN[:OPTION]...

prints a JSON object: of each plugin the rows, or the error it ended with. Run, never imported.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from importlib import import_module
from typing import Any

LAYERS = {"x86": "WindowsIntel", "pae": "WindowsIntelPAE", "x64": "WindowsIntel32e"}


def context_of(image: str, table: str, dtb: int, base: int, layer: str) -> Any:
    """Return a context with memory, page tables, symbols and the kernel as a module."""
    contexts = import_module("volatility3.framework.contexts")
    physical = import_module("volatility3.framework.layers.physical")
    intel = import_module("volatility3.framework.layers.intel")
    windows = import_module("volatility3.framework.symbols.windows")
    context = contexts.Context()
    config = context.config
    config["base.location"] = f"file://{image}"
    context.add_layer(physical.FileLayer(context, "base", "memory_layer"))
    config["prim.memory_layer"] = "memory_layer"
    config["prim.page_map_offset"] = dtb
    config["prim.kernel_virtual_offset"] = base
    made = getattr(intel, LAYERS[layer])(context, "prim", "primary", metadata={"os": "Windows"})
    context.add_layer(made)
    symbols = windows.WindowsKernelIntermedSymbols
    config["sym.isf_url"] = f"file://{table}"
    config["sym.class"] = f"{symbols.__module__}.{symbols.__name__}"
    name = "symbol_table1"
    context.symbol_space.append(symbols(context, "sym", name=name, isf_url=f"file://{table}"))
    contexts.Module.create(
        context, module_name="kernel", layer_name="primary", offset=base, symbol_table_name=name
    )
    return context


def run(context: Any, plugin: Any, options: list[str]) -> list[dict[str, Any]]:
    """Run one plugin and return its rows, by the names of the columns."""
    root = f"plugins.{plugin.__name__}"
    context.config[f"{root}.kernel"] = "kernel"
    for option in options:
        context.config[f"{root}.{option}"] = True
    for requirement in plugin.get_requirements():
        name = f"{root}.{requirement.name}"
        if requirement.optional and name not in context.config and requirement.default is not None:
            context.config[name] = requirement.default
    grid = plugin(context, root).run()
    rows: list[dict[str, Any]] = []
    grid.populate(lambda node, _: rows.append(row_of(grid.columns, node.values)), None)
    return rows


def row_of(columns: Any, values: Any) -> dict[str, Any]:
    """Return one row; what is not known or does not apply is None."""
    pairs = zip(columns, values, strict=True)
    return {column.name: plain(value) for column, value in pairs}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers, text, times as text, else None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f} UTC"
    if isinstance(value, str):
        return str(value)
    data = getattr(value, "data", value)
    return data.hex() if isinstance(data, bytes) else None


def main(arguments: list[str]) -> None:
    """Run all that is asked for, in one context."""
    framework = import_module("volatility3.framework")
    framework.import_files(import_module("volatility3.plugins"), True)
    image, table, dtb, base, layer, *wanted = arguments
    place = image, table, int(dtb, 16), int(base, 16), layer
    plugins, answers, shared = framework.list_plugins(), {}, context_of(*place)
    for one in wanted:
        name, *options = one.split(":")
        # A hive can be opened only once in a context.
        context = context_of(*place) if ".registry." in name else shared
        try:
            answers[name] = run(context, plugins[name], options)
        except Exception as error:  # noqa: BLE001  whatever a plugin ends with is its answer
            answers[name] = [{"error": f"{type(error).__name__}: {error}"}]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
