"""What memq must say of the kernel of a built scene: drivers, tables, lists, objects, registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.os.windows.registry.data import TYPES
from tests.os.windows.questions import Question, Rows, moment
from tests.synthetic.windows.system import VECTORS

if TYPE_CHECKING:
    from tests.synthetic.windows.scene import Scene

KINDS = {
    "PspCreateProcessNotifyRoutine": "process",
    "PspCreateThreadNotifyRoutine": "thread",
    "PspLoadImageNotifyRoutine": "image",
    "CmRegisterCallbackEx": "registry",
    "KeBugCheckCallbackListHead": "bug check",
    "KeBugCheckReasonCallbackListHead": "bug check reason",
    "IoRegisterFsRegistrationChange": "file system",
}
TICKS = 10_000_000
"""Units of 100 ns in a second."""


def drivers(scene: Scene) -> Rows:
    objects = {one.start: one for one in scene.image.truth.drivers}
    rows = []
    for module in scene.image.truth.modules:
        if module.listed:
            own = objects.get(module.base)
            rows.append(
                {
                    "address": hex(module.offset),
                    "name": module.name,
                    "path": module.path,
                    "base": hex(module.base),
                    "size": module.size,
                    "object": None if own is None else hex(own.offset),
                    "object_name": None if own is None else own.name,
                    "key": None if own is None else own.service_key,
                    "in_directory": own is not None,
                }
            )
    return rows


DRIVER = (
    "{address: address, name: name, path: path, base: base, size: size, object: object_address, "
    "object_name: object_name, key: service_key, in_directory: in_object_directory}"
)


def functions(scene: Scene) -> Rows:
    return [
        {
            "driver": one.name,
            "index": index,
            "address": hex(place),
            "foreign": not _inside(one.start, one.size, place),
        }
        for one in scene.image.truth.drivers
        for index, place in enumerate(one.irp)
    ]


def _inside(start: int, size: int, place: int) -> bool:
    return start <= place < start + size


def devices(scene: Scene) -> Rows:
    return [
        {"driver": one.name, "name": name}
        for one in scene.image.truth.drivers
        for name in one.devices
    ]


def unloaded(scene: Scene) -> Rows:
    return [
        {
            "name": one.name,
            "base": hex(one.start),
            "end": hex(one.end),
            "time": moment(one.time),
        }
        for one in reversed(scene.image.truth.unloaded)
    ]


def syscalls(scene: Scene) -> Rows:
    """Return what is in the kernel's own table; what the builder made up has no name."""
    return [{"index": one.index, "address": hex(one.address)} for one in scene.image.truth.ssdt]


def call_names(scene: Scene) -> Rows:
    """Return the calls that have names, but for those that lead elsewhere."""
    named = [one for one in scene.image.truth.ssdt if one.name is not None]
    return [{"index": one.index, "name": one.name, "hooked": False} for one in named]


def hooked(scene: Scene) -> Rows:
    return [
        {"index": one.index, "address": hex(one.address), "module": "hook.sys"}
        for one in scene.image.truth.ssdt
        if one.hooked
    ]


def callbacks(scene: Scene) -> Rows:
    return [
        {
            "block": hex(one.block),
            "kind": KINDS[one.type],
            "address": hex(one.function),
        }
        for one in scene.image.truth.callbacks
    ]


def timers(scene: Scene) -> Rows:
    return [
        {
            "address": hex(one.offset),
            "routine": hex(one.routine),
            "period": one.period / 1000,
            "due": one.due / TICKS,
            "module": "disk.sys",
        }
        for one in scene.image.truth.timers
    ]


def interrupts(scene: Scene) -> Rows:
    """Return what `system.write_processors` writes: each gate leads into the kernel."""
    first = scene.image.kernel_base + 0x2000
    return [
        {"processor": number, "vector": vector, "address": hex(first + 0x40 * vector)}
        for number in range(scene.image.options.processors)
        for vector in range(VECTORS)
    ]


def processors(scene: Scene) -> Rows:
    blocks = enumerate(scene.machine.processors)
    return [{"number": number, "address": hex(block.address)} for number, block in blocks]


def files(scene: Scene) -> Rows:
    found = [one for one in scene.image.truth.objects if one.type == "File"]
    return [{"address": hex(one.body), "name": one.path} for one in found]


def mutants(scene: Scene) -> Rows:
    found = [one for one in scene.image.truth.objects if one.type == "Mutant"]
    return [{"address": hex(one.body), "name": one.name} for one in found]


def symlinks(scene: Scene) -> Rows:
    found = [one for one in scene.image.truth.objects if one.type == "SymbolicLink"]
    target = "\\Device\\HarddiskVolume3"
    return [{"address": hex(one.body), "name": one.name, "target": target} for one in found]


def hives(scene: Scene) -> Rows:
    return [
        {"address": hex(one.offset), "path": one.mount, "file": one.file}
        for one in scene.image.truth.hives
    ]


def keys(scene: Scene) -> Rows:
    return [
        {"path": f"{one.mount}\\{key}" if key else one.mount, "values": len(named)}
        for one in scene.image.truth.hives
        for key, named in one.keys.items()
    ]


def named_values(scene: Scene) -> Rows:
    return [
        {
            "key": f"{one.mount}\\{key}",
            "name": name,
            "type": TYPES[value.type],
            "hex": value.data.hex(),
        }
        for one in scene.image.truth.hives
        for key, named in one.keys.items()
        for name, value in named.items()
    ]


def big_pools(scene: Scene) -> Rows:
    return [
        {"address": hex(one.va), "tag": one.tag.ljust(4, "\0"), "size": one.bytes}
        for one in scene.image.truth.bigpools
    ]


def services(scene: Scene) -> Rows:
    """Return what the scene writes below ControlSet001, which is the current one."""
    del scene
    return [
        {
            "name": "disk",
            "start": "boot",
            "driver": True,
            "path": "System32\\drivers\\disk.sys",
        }
    ]


def kernels(scene: Scene) -> Rows:
    image, options = scene.image, scene.image.options
    return [
        {
            "base": hex(image.kernel_base),
            "dtb": hex(image.dtb),
            "release": ".".join(map(str, (*options.version, options.build))),
            "build": options.build,
            "processors": options.processors,
            "booted": moment(options.boot),
            "dumped": moment(options.snapshot),
            "root": "C:\\Windows",
            "head": hex(image.kernel_base + image.rvas["PsActiveProcessHead"]),
            "modules": hex(image.kernel_base + image.rvas["PsLoadedModuleList"]),
        }
    ]


KERNEL = (
    "{base: base, dtb: directory_table_base, release: release, build: build, "
    "processors: processors, booted: boot_time, dumped: dump_time, root: system_root, "
    "head: active_process_head, modules: loaded_module_list}"
)

OF_KERNEL = {
    "drivers": Question(f"driver.Select({DRIVER})", drivers),
    "drivers in pools": Question(f"scan(driver).Select({DRIVER})", drivers),
    "functions": Question(
        "driver.major_function.Select({driver: driver.object_name, index: index, "
        "address: address, foreign: is_foreign})",
        functions,
    ),
    "devices": Question("driver.device.Select({driver: driver.object_name, name: name})", devices),
    "unloaded": Question(
        "unloaded_driver.Select({name: name, base: base, end: end, time: unload_time})", unloaded
    ),
    "calls": Question(
        'syscall.Where(table == "kernel").Select({index: index, address: address})', syscalls
    ),
    "names of calls": Question(
        'syscall.Where(table == "kernel" && symbol != null && module == "ntoskrnl.exe")'
        ".Select({index: index, name: name, hooked: is_hooked})",
        call_names,
    ),
    "hooks": Question(
        "syscall.Where(is_hooked).Select({index: index, address: address, module: module})", hooked
    ),
    "callbacks": Question(
        "callback.Select({block: block, kind: kind, address: address})", callbacks
    ),
    "timers": Question(
        "timer.Select({address: address, routine: routine, period: period, due: due_time, "
        "module: module})",
        timers,
    ),
    "interrupts": Question(
        "interrupt.Select({processor: processor, vector: vector, address: address})", interrupts
    ),
    "processors": Question("processor.Select({number: number, address: address})", processors),
    "files": Question("file.Select({address: address, name: name})", files),
    "files in pools": Question("scan(file).Select({address: address, name: name})", files),
    "mutants": Question("mutant.Select({address: address, name: name})", mutants),
    "mutants in pools": Question("scan(mutant).Select({address: address, name: name})", mutants),
    "links": Question("symlink.Select({address: address, name: name, target: target})", symlinks),
    "links in pools": Question(
        "scan(symlink).Select({address: address, name: name, target: target})", symlinks
    ),
    "hives": Question("hive.Select({address: address, path: path, file: file_name})", hives),
    "keys": Question("registry.Select({path: path, values: value_count})", keys),
    "values": Question(
        "value.Select({key: registry.path, name: name, type: type, hex: hex})", named_values
    ),
    "kernel": Question(f"kernel.Select({KERNEL})", kernels),
    "big pools": Question("big_pool.Select({address: address, tag: tag, size: size})", big_pools),
    "services": Question(
        "service.Where(in_registry).Select({name: name, start: start_type, driver: is_driver, "
        "path: image_path})",
        services,
    ),
}
