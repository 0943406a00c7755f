"""Builds physical memory images of Windows from symbol tables, for any build that has one.

    machine = Machine(table, Options(build=20348))
    notepad = machine.process(1234, "notepad.exe", parent=machine.system)
    notepad.vad(0x10000, 4, protection="PAGE_READWRITE")
    notepad.thread(1240)
    notepad.handle(machine.file("\\Windows\\notepad.exe"), 0x120089)
    image = machine.finish()                       # lists, trees, handle tables, symbols
    notepad.record["ActiveProcessLinks.Flink"] = 0  # what shall be malformed, after that
    image.save_raw(path)                           # or save_full_dump, save_bitmap_dump
    image.truth.processes                          # what a reader must find

`Scene` is a machine with a little of everything, `spoil.all_spoils` are ways to make a scene
malformed. tests/peers/test_windows_builder.py holds what is built to what volatility3 reads of it.

Nothing in such an image comes from a file of Microsoft's: of the kernel there is a PE header with
exports and the record of its PDB, and the variables at the RVAs that the table has. A table without
symbols (published headers have none) makes the builder choose the RVAs: `image.rvas`.
"""
