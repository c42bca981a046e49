// A stuck map of Go's and a stuck table of C's in one program. Prints "ready".
package main

/*
#include <stdlib.h>

struct table {
	void *old, *new;
	long moved, of;
};

static struct table *table;

// Half-way through a resize, which goes no further.
__attribute__((noinline)) void table_grow(void)
{
	table->old = table->new;
	table->new = malloc(16384);
	table->moved = 0;
}

static void make_table(void)
{
	table = calloc(1, sizeof *table);
	table->of = 10;
	table->moved = -1;
	table_grow();
	table_grow();
	table->moved = 3;
}
*/
import "C"

import (
	"fmt"
	"time"
)

func main() {
	m := make(map[int]int)
	for i := 0; i < 3329; i++ {
		m[i] = i
	}
	C.make_table()
	fmt.Println("ready")
	time.Sleep(600 * time.Millisecond)
	fmt.Println(len(m))
}
