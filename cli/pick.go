package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// pickerHeight is how many lines a picker takes at most.
const pickerHeight = 12

// redraws tells whether a list to choose from may be drawn again with each
// key. Screen readers and plain terminals get numbered questions.
func (in *invocation) redraws() bool {
	name := in.env("TERM")
	if !in.interactive() || name == "" || name == "dumb" || truthy(in.env("BELAY_ACCESSIBLE")) {
		return false
	}
	columns, lines := screenSize(in.Stderr)
	return columns > 0 && lines > 0
}

// choose asks for one of several: in a list that typing narrows, else by
// number or by name.
func (in *invocation) choose(ctx context.Context, what, flag string, names []string) (string, error) {
	if !in.interactive() {
		return "", usage("%s is missing", what).withHelp("give it with "+flag, "one of: "+strings.Join(names, ", "))
	}
	if len(names) == 0 {
		return "", usage("there is nothing to choose %s from", what)
	}
	if in.redraws() {
		return in.pickOne(ctx, upperFirst(what), names)
	}
	for i, n := range names {
		in.line(fmt.Sprintf("%3d) %s", i+1, in.plainText(n)))
	}
	for {
		picked, err := in.askPicks(upperFirst(what)+" (number or name): ", names, nil)
		switch {
		case err != nil:
			return "", err
		case len(picked) == 1:
			return names[picked[0]], nil
		case len(picked) > 1:
			in.line("  choose one")
		}
	}
}

// askPicks asks until the answer can be understood, which it is too when it
// is empty; all are those that the word "all" stands for.
func (in *invocation) askPicks(question string, names []string, all []int) ([]int, error) {
	for {
		answer, err := in.ask(question, false)
		if err != nil {
			return nil, err
		}
		picked, err := picks(answer, names, all)
		if err == nil {
			return picked, nil
		}
		in.line("  " + in.plainText(err.Error()))
	}
}

// picks reads an answer to a numbered list: numbers, ranges (2-4) and names,
// with commas or blanks between them, or all. A name counts before a number.
func picks(answer string, names []string, all []int) ([]int, error) {
	answer = strings.TrimSpace(answer)
	if i := slices.Index(names, answer); i >= 0 {
		return []int{i}, nil
	}
	if answer == "all" && all != nil {
		return all, nil
	}
	var out []int
	for _, w := range strings.FieldsFunc(answer, func(r rune) bool { return r == ' ' || r == ',' }) {
		from, to, err := pickOf(w, names)
		if err != nil {
			return nil, err
		}
		for i := from; i <= to; i++ {
			if !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out, nil
}

// pickOf reads one word of an answer: from which to which.
func pickOf(word string, names []string) (from, to int, err error) {
	if i := slices.Index(names, word); i >= 0 {
		return i, i, nil
	}
	first, last, ranged := strings.Cut(word, "-")
	if !ranged {
		last = first
	}
	from, err = strconv.Atoi(first)
	if err == nil {
		to, err = strconv.Atoi(last)
	}
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("there is no %q; type numbers from 1 to %d, a range such as 1-2, or names", word, len(names))
	case from < 1 || to > len(names) || from > to:
		return 0, 0, fmt.Errorf("%s is not within 1 to %d", word, len(names))
	}
	return from - 1, to - 1, nil
}

func (in *invocation) pickOne(ctx context.Context, title string, names []string) (string, error) {
	chosen := names[0]
	in.line(in.plainText(title + " — type to narrow the list, Enter takes what is marked"))
	list := huh.NewSelect[string]().Options(huh.NewOptions(names...)...).Filtering(true).Value(&chosen)
	if len(names) > pickerHeight {
		list.Height(pickerHeight)
	}
	return chosen, in.runForm(ctx, list)
}

// pickSeveral lets several be ticked; those in ticked are at first.
func (in *invocation) pickSeveral(ctx context.Context, title string, labels []string, ticked []int) ([]int, error) {
	options := make([]huh.Option[int], len(labels))
	for i, l := range labels {
		options[i] = huh.NewOption(l, i).Selected(slices.Contains(ticked, i))
	}
	var chosen []int
	in.line(in.plainText(title + " — space ticks, / narrows the list, Enter takes what is ticked"))
	list := huh.NewMultiSelect[int]().Options(options...).Filterable(true).Value(&chosen)
	if len(labels) > pickerHeight {
		list.Height(pickerHeight)
	}
	err := in.runForm(ctx, list)
	slices.Sort(chosen)
	return chosen, err
}

// runForm draws on standard error, in the 16 colours that every terminal's
// theme keeps readable.
func (in *invocation) runForm(ctx context.Context, field huh.Field) error {
	env := []string{"TERM=" + in.env("TERM")}
	if !in.color(true) {
		env = append(env, "NO_COLOR=1")
	}
	err := huh.NewForm(huh.NewGroup(field)).
		WithTheme(huh.ThemeFunc(huh.ThemeBase16)).WithShowHelp(false).WithInput(in.Stdin).WithOutput(in.Stderr).
		WithProgramOptions(tea.WithInput(in.Stdin), tea.WithOutput(in.Stderr), tea.WithoutSignalHandler(), tea.WithEnvironment(env)).
		RunWithContext(ctx)
	switch {
	case errors.Is(err, huh.ErrUserAborted):
		return errGivenUp
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("ask at the terminal: %w", err)
	}
	return nil
}
