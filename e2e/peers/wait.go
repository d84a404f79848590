package peers

import (
	"fmt"
	"io"
	"net/http"
)

// probe asks a server whether it is ready. edit, unless nil, adds to the
// request.
func probe(client *http.Client, url string, edit func(*http.Request)) error {
	request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if edit != nil {
		edit(request)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s %s", url, response.Status, body)
	}
	return nil
}
