package belay

import "strings"

// Limits of a page.
const (
	DefaultPageSize = 10
	MaxPageSize     = 100
)

// Query says which part of a list is wanted. The zero value is the first
// page in the list's own order.
type Query struct {
	Page   int    // from zero; ignored when Cursor is set
	Size   int    // items wanted; 0 is DefaultPageSize, more than MaxPageSize is MaxPageSize
	Cursor string // opaque, from Page.NextCursor; stays fast at any depth
	Search string // words that must each begin a word of the item
	Order  Order
}

// Limit is the number of items that a page holds at most.
func (q Query) Limit() int {
	switch {
	case q.Size <= 0:
		return DefaultPageSize
	case q.Size > MaxPageSize:
		return MaxPageSize
	default:
		return q.Size
	}
}

// Order is a column to sort by, by its name in the API, and a direction.
type Order struct {
	Column     string
	Descending bool
}

// ParseOrder reads "name", "name asc" or "name desc", in any case. Which
// columns exist is the list's business, not the parser's.
func ParseOrder(s string) (Order, error) {
	words := strings.Fields(s)
	switch {
	case len(words) == 0:
		return Order{}, nil
	case len(words) == 1:
		return Order{Column: words[0]}, nil
	case len(words) == 2 && strings.EqualFold(words[1], "asc"):
		return Order{Column: words[0]}, nil
	case len(words) == 2 && strings.EqualFold(words[1], "desc"):
		return Order{Column: words[0], Descending: true}, nil
	}
	return Order{}, &Error{
		Code:    CodeBadQuery,
		Message: "the order cannot be read",
		Fields:  []Field{{Pointer: "order", Message: `must be a column, optionally followed by "asc" or "desc", as in "name desc"`}},
	}
}

// Page is one part of a list.
type Page[T any] struct {
	Items      []T
	Number     int
	Size       int
	Total      int    // how many there are in all; see TotalIsMinimum
	NextCursor string // "" on the last page
	// TotalIsMinimum is set when counting stopped at CountLimit: there are
	// at least Total items. Totals that counters keep are always exact.
	TotalIsMinimum bool
}

// CountLimit is how far a total is counted that no counter keeps, so that
// no request costs more as the installation grows.
const CountLimit = 10_000
