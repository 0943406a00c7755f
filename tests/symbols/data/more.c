/* A second unit: the same types again, and one with the name of another. */
struct list_head { struct list_head *next, *prev; };
enum { LIMIT = 4096, OTHER = 1 << 20 };
typedef struct { int counter; } atomic_t;
struct task { int not_this_one; };
struct other { atomic_t usage; struct task *task; };
struct list_head others;
static int counted = 4;
struct other other;
int more(void) { return counted + OTHER; }
