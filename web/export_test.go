package web

import "net/http"

// Handle adds a page that fails as a test wants it to.
func (h *Handler) Handle(pattern string, page http.HandlerFunc) { h.mux.HandleFunc(pattern, page) }
