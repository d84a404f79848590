// Command belay is the server and the command line for it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // for machines that have none

	"belay/cli"
)

// version is stamped in by the build.
var version string

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	program := cli.New()
	program.Serve, program.SignInLink = serve, signInLink
	if version != "" {
		program.Version = version
	}
	return program.Run(ctx, os.Args[1:])
}
