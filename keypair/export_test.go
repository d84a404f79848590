package keypair

import "context"

// Look looks at the files as it is done from time to time.
func (k *Keeper) Look(ctx context.Context) { k.look(ctx, false) }
