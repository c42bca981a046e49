// A library for programs in C, or a plugin for Go programs, with a map that stays half-way through
// a resize.
package main

import "C"

import "unsafe"

var kept map[int]int

// The number of old buckets that have moved.
//
//export Grow
func Grow(entries int) int {
	kept = make(map[int]int)
	for i := 0; i < entries; i++ {
		kept[i] = i
	}
	return int(headerIn(unsafe.Pointer(&kept)).nevacuate)
}

func main() {}
