package web

import "net/http"

// Handle adds a page that fails as a test wants it to.
func (h *Handler) Handle(pattern string, page http.HandlerFunc) { h.mux.HandleFunc(pattern, page) }

// ReturnTo is where a browser goes that wanted to go there.
var ReturnTo = returnTo
