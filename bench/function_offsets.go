// Where functions begin in the file of a Go program, stripped or not, one number a
// line: function_offsets PROGRAM NAME...
package main

import (
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"fmt"
	"os"
)

func fail(problem any) {
	fmt.Fprintln(os.Stderr, os.Args[1], problem)
	os.Exit(1)
}

func main() {
	file, err := elf.Open(os.Args[1])
	if err != nil {
		fail(err)
	}
	text, table := file.Section(".text"), file.Section(".gopclntab")
	if text == nil || table == nil {
		fail("has no table of functions")
	}
	data, err := table.Data()
	if err != nil {
		fail(err)
	}
	// Code of C can stand in front of Go's. The table says where that begins, but in Go 1.26.
	begin := text.Addr
	if len(data) > 32 && binary.LittleEndian.Uint64(data[24:]) != 0 {
		begin = binary.LittleEndian.Uint64(data[24:])
	}
	functions, err := gosym.NewTable(nil, gosym.NewLineTable(data, begin))
	if err != nil {
		fail(err)
	}
	for _, name := range os.Args[2:] {
		function := functions.LookupFunc(name)
		if function == nil {
			fail("has no " + name)
		}
		fmt.Println(function.Entry - text.Addr + text.Offset)
	}
}
