package belay_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvs are the requirements of chapters 6 to 10 of OWASP ASVS 5.0.0 that are
// of level 1 or 2: for each section the last of them. Those of a section that
// are of level 3 come last.
const asvs = `6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2
	8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3`

var (
	namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.(Test\\w+)`")
	bareTest  = regexp.MustCompile("`(Test\\w+)`")
	declared  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// testsIn are the tests of each directory, by the names that docs/security.md
// gives them.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	if dir == "belay" {
		dir = "."
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			out[string(m[1])] = true
		}
	}
	return out
}

// TestSecurityPage wants every requirement to stand in docs/security.md, with
// tests that exist or a reason.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for line := range strings.Lines(string(page)) {
		missing := missingTests(t, line)
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.Trim(cells[0], " 0123456789.") != "" {
			if len(missing) > 0 {
				t.Errorf("there are no tests %v: %s", missing, line)
			}
			continue
		}
		numbers = append(numbers, strings.TrimSpace(cells[0]))
		reason := strings.Contains(cells[2], "**not met**") || strings.Contains(cells[2], "does not apply: ")
		if !reason && !strings.Contains(cells[3], "Test") {
			t.Errorf("neither a test nor a reason: %s", line)
		}
		if len(missing) > 0 {
			t.Errorf("there are no tests %v: %s", missing, line)
		}
	}
	if want := requirements(); !slices.Equal(numbers, want) {
		t.Errorf("the requirements are\n%v, want\n%v", numbers, want)
	}
}

// missingTests are the tests that a line names and that are nowhere.
func missingTests(t *testing.T, line string) (missing []string) {
	t.Helper()
	for _, m := range namedTest.FindAllStringSubmatch(line, -1) {
		if !testsIn(t, m[1])[m[2]] {
			missing = append(missing, m[1]+"."+m[2])
		}
	}
	for _, m := range bareTest.FindAllStringSubmatch(line, -1) { // behind the name of its package
		dir := regexp.MustCompile("`([a-z0-9/]+)`: ").FindStringSubmatch(line)
		if dir == nil || !testsIn(t, dir[1])[m[1]] {
			missing = append(missing, m[1])
		}
	}
	return missing
}

// requirements are the numbers of asvs.
func requirements() (out []string) {
	for section := range strings.FieldsSeq(asvs) {
		name, last, _ := strings.Cut(section, ":")
		for n := 1; ; n++ {
			number := strconv.Itoa(n)
			out = append(out, name+"."+number)
			if number == last {
				break
			}
		}
	}
	return out
}
