package rest

import "belay"

// endingPages has a page for every way in which the command line ends on its
// own account, in whose documents it is the code.
var endingPages = map[belay.Code]errorPage{
	"failed": {
		Title: "The command failed", Meaning: "Something happened that the command line did not expect.",
		Steps: []string{"Read the title and the detail; they say what could not be done.", "Repeat it with `--verbose`, which shows the requests."},
	},
	"usage": {
		Title: "What was typed cannot be done", Meaning: "A flag, a name or a value is wrong or missing. Nothing was changed.",
		Steps: []string{"`belay COMMAND --help` shows what the command takes."},
	},
	"unhealthy": {
		Title: "The target is not healthy", Meaning: "The test ran. The target cannot be used as the connection has it.",
		Steps: []string{"The stages of the test say how far it came.", "The remedies in the document say what mends it."},
	},
	"partly": {
		Title: "Only a part was done", Meaning: "Waiting took too long, or some of several things failed.",
		Steps: []string{"Repeat the command for what was not done.", "Wait longer with `--timeout 2m`."},
	},
	"unreachable": {
		Title: "The server cannot be reached", Meaning: "There was no answer, or TLS to the server failed.",
		Steps: []string{"`belay config list --show-origin` says which server it is and why.", "Start one on this machine with `belay serve`."},
	},
	"interrupted": {
		Title: "The command was interrupted", Meaning: "It was stopped, or a question was answered with no.",
		Steps: []string{"What had begun at the server goes on there."},
	},
}
