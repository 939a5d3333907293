// Clustercap says what a cluster of N accelerators really delivers, and when.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
