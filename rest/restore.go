package rest

func (a *API) restoreEnvironment(r *request) (response, error) {
	org, id, err := r.act("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	e, err := a.app.RestoreEnvironment(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newEnvironment(e), version: e.Version}, nil
}

func (a *API) restoreWorkspace(r *request) (response, error) {
	org, id, err := r.act("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	w, err := a.app.RestoreWorkspace(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newWorkspace(w), version: w.Version}, nil
}

func (a *API) restoreCredential(r *request) (response, error) {
	org, id, err := r.act("credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.RestoreCredential(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newCredential(v), version: v.Credential.Version}, nil
}

func (a *API) restoreConnection(r *request) (response, error) {
	org, id, err := r.act("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.RestoreConnection(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnection(v), version: v.Version}, nil
}
