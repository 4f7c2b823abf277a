/// Why a store could not do what was asked. Refusals that follow from the data are results of the methods, not errors.
public enum StoreError: Error, Equatable {
    /// The store cannot be read or written right now (disk full, read-only, engine down); nothing was changed.
    case unavailable(String)
    /// The call may or may not have taken effect.
    case outcomeUnknown(String)
    /// The cursor was not made by this store.
    case invalidCursor
    /// Something that should not happen; the text is for the operator.
    case unexpected(String)
}
