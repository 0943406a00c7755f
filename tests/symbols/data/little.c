/* A kernel in little, for tests of memq.symbols.dwarf; nothing of it is ever run. Made by
 *
 *     gcc -gdwarf-5 -gz=none -nostdlib -static -Os -fno-asynchronous-unwind-tables \
 *         -fdebug-prefix-map=$PWD=. -Wl,--build-id=none -Wl,-z,noseparate-code \
 *         -o little.dwarf5.vmlinux little.c more.c
 *
 * and with -gdwarf-2 -gstrict-dwarf as little.dwarf2.vmlinux, in the folder of these files.
 */
typedef unsigned int u32;
typedef struct { int counter; } atomic_t;
typedef struct { struct { u32 low, high; } halves; u32 all[2]; } parts_t;
struct list_head { struct list_head *next, *prev; };
typedef struct list_head list_t;
typedef atomic_t count_t;
struct declared_only;
enum state { READY, WAITING = 5, LOST = -1 };
enum { LIMIT = 4096, OTHER = 1 << 20 };
union value { long number; double real; };
struct task {
    volatile u32 flags;
    unsigned int first : 1, second : 5;
    int third : 7;
    count_t usage;
    list_t tasks;
    union { void *stack; long place; };
    struct { int inner; } named;
    const char *name;
    char comm[16];
    short table[2][3];
    struct declared_only *lost;
    int (*call)(int);
    enum state state;
    _Bool on;
    union value value;
    parts_t parts;
    u32 rest[];
};
const char linux_banner[] = "Linux version 0.1 (memq)\n";
struct task init_task;
extern struct list_head others;
static int counted = 3;
int _start(void) { return counted + (int)init_task.flags + (others.next != 0) + LIMIT; }
