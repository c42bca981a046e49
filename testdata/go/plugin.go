// Loads library.go as a plugin, which grows a map. The argument is its path.
package main

import (
	"fmt"
	"os"
	"plugin"
	"time"
)

func main() {
	library, err := plugin.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	grow, err := library.Lookup("Grow")
	if err != nil {
		panic(err)
	}
	fmt.Println("moved", grow.(func(int) int)(107000) > 0)
	time.Sleep(400 * time.Millisecond)
}
