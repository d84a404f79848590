package rest

import (
	"errors"
	"net/http"

	"belay"
	"belay/app"
)

// dryRun is the parameter of the routes that can be asked whether they would
// do what the request says, without doing it.
const dryRun = "dryRun"

// rehearse heeds the parameter dryRun. One without a value is refused: whoever
// writes ?dryRun does not mean that the request is to be carried out.
func (r *request) rehearse() error {
	if value, _ := r.first(dryRun); value == "" && r.URL.Query().Has(dryRun) {
		return belay.BadQuery(dryRun, "must be true or false")
	}
	dry, err := r.flag(dryRun)
	if dry {
		r.dry, r.Request = true, r.WithContext(app.Rehearse(r.Context()))
	}
	return err
}

// rehearsed is the answer of a dry run: what would refuse the request, or that
// nothing would.
func (r *request) rehearsed(res response, err error) (response, error) {
	if r.dry && (err == nil || errors.Is(err, app.ErrRehearsed)) {
		return response{status: http.StatusNoContent}, nil
	}
	return res, err
}
