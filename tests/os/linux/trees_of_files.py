"""Files for small kernels: directories, mounts, pseudo files."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.os.linux.small import BASE, SmallKernel

FILES = """
struct hlist_bl_node { void *next; void *pprev; };
struct qstr { unsigned int hash; unsigned int len; unsigned char *name; };
struct dentry_operations { void *d_hash; void *d_dname; };
struct super_block { unsigned int s_dev; };
struct inode {
    unsigned short i_mode; struct super_block *i_sb; unsigned long i_ino; void *i_private;
};
struct dentry {
    struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode;
    unsigned char d_iname[32]; struct dentry_operations *d_op; void *d_fsdata;
};
struct vfsmount { struct dentry *mnt_root; void *mnt_sb; };
struct mount {
    void *mnt_hash; struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt;
};
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file {
    unsigned int f_mode; struct path f_path; struct inode *f_inode; unsigned int f_flags;
    long f_pos;
};
struct proc_ns_operations { char *name; };
struct ns_common { struct proc_ns_operations *ops; };
struct dma_buf { char *name; };
"""
PAGE = 4096


@dataclass
class Files:
    """Puts dentries, mounts and files into a kernel, each on a page of its own."""

    kernel: SmallKernel
    next_page: int = BASE + 0x80_0000
    functions: dict[str, int] = field(default_factory=dict)

    def page(self) -> int:
        """Return a page that nothing else uses."""
        self.next_page += PAGE
        return self.next_page

    def inode(
        self, mode: int = 0o100644, number: int = 1, device: int = 0, private: int = 0
    ) -> int:
        address = self.page()
        block = self.kernel.put("super_block", address + 512, {"s_dev": device})
        members = {"i_mode": mode, "i_ino": number, "i_sb": block, "i_private": private}
        return self.kernel.put("inode", address, members)

    def dentry(
        self, name: str | bytes, parent: int = 0, *, hashed: bool = True, **members: int
    ) -> int:
        """Put a dentry; one without a parent is the top of its tree."""
        address = self.page()
        offset = self.kernel.offset("dentry", "d_iname")
        raw = name.encode() if isinstance(name, str) else name
        where = address + (offset if len(raw) < 32 else 1024)
        self.kernel.put("dentry", address, {"d_parent": parent or address, "d_name.name": where})
        self.kernel.set("dentry", address, "d_hash.pprev", BASE + 8 if hashed else 0)
        for member, value in members.items():
            self.kernel.set("dentry", address, member, value)
        self.kernel.text(where, raw)
        return address

    def mount(self, root: int, parent: int = 0, point: int = 0) -> int:
        """Put a mount and return its vfsmount; one without a parent is the top of its namespace."""
        address = self.page()
        inside = self.kernel.offset("mount", "mnt")
        self.kernel.put("mount", address, {
            "mnt_parent": parent - inside if parent else address,
            "mnt_mountpoint": point or root,
            "mnt.mnt_root": root,
        })  # fmt: skip
        return address + inside

    def file(self, mount: int, dentry: int, inode: int = 0, **members: int) -> int:
        address = self.page()
        self.kernel.put("file", address, {"f_path.mnt": mount, "f_path.dentry": dentry})
        for member, value in {"f_inode": inode, **members}.items():
            self.kernel.set("file", address, member, value)
        return address

    def pseudo(self, function: str, name: str, inode: int = 0, **members: int) -> int:
        """Put a dentry that a function of this name gives its name."""
        if function not in self.functions:
            address = self.page()
            self.kernel.put("dentry_operations", address, {"d_dname": address + 0x800})
            self.kernel.table[function] = address + 0x800
            self.functions[function] = address
        operations = self.functions[function]
        return self.dentry(name, hashed=False, d_op=operations, d_inode=inode, **members)
