// Package contract holds a running server against the API documents that
// Meshery publishes as the npm package @meshery/schemas: clients that were
// made for those must work with it unchanged.
package contract
