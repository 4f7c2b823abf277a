// MongoDB's own client, libmongoc 1.x, with libbson. Domains and codes of errors are enumerations there, which Swift sees
// as types of their own; here they are the plain numbers that stand in a `bson_error_t`.
#ifndef PARLEY_CMONGOC_SHIM_H
#define PARLEY_CMONGOC_SHIM_H

#include <stdlib.h>

#include <mongoc/mongoc.h>

static const uint32_t parley_mongoc_domain_server_selection = MONGOC_ERROR_SERVER_SELECTION;
static const uint32_t parley_mongoc_domain_stream = MONGOC_ERROR_STREAM;
static const uint32_t parley_mongoc_domain_bson = MONGOC_ERROR_BSON;
static const uint32_t parley_mongoc_domain_client = MONGOC_ERROR_CLIENT;
static const uint32_t parley_mongoc_code_authenticate = MONGOC_ERROR_CLIENT_AUTHENTICATE;

// libbson aligns `bson_t` and `bson_iter_t` to more than Swift can: there they are opaque, and live on the heap, never on
// Swift's stack.

// An iterator at that field, to be freed with `free`; null when there is no such field.
static inline bson_iter_t *parley_bson_find(const bson_t *document, const char *name)
{
    bson_iter_t *iterator = aligned_alloc(_Alignof(bson_iter_t), sizeof(bson_iter_t));
    if (iterator && bson_iter_init_find(iterator, document, name)) return iterator;
    free(iterator);
    return NULL;
}

// An iterator before the first element of the array or document there, to be freed with `free`; null when it is neither.
static inline bson_iter_t *parley_bson_elements(const bson_iter_t *array)
{
    bson_iter_t *iterator = aligned_alloc(_Alignof(bson_iter_t), sizeof(bson_iter_t));
    if (iterator && bson_iter_recurse(array, iterator)) return iterator;
    free(iterator);
    return NULL;
}

static inline uint32_t parley_bson_length(const bson_t *document) { return document->len; }

// As `mongoc_collection_insert_many`; the reply is the caller's, to be destroyed.
static inline bool parley_mongoc_insert_many(
    mongoc_collection_t *collection, const bson_t **documents, size_t count, const bson_t *options, bson_t **reply,
    bson_error_t *error)
{
    bson_t local;
    bool is_done = mongoc_collection_insert_many(collection, documents, count, options, &local, error);
    *reply = bson_copy(&local);
    bson_destroy(&local);
    return is_done;
}

// As `mongoc_client_command_with_opts`; the reply is the caller's, to be destroyed.
static inline bool parley_mongoc_command(
    mongoc_client_t *client, const char *database, const bson_t *command, const mongoc_read_prefs_t *preference,
    const bson_t *options, bson_t **reply, bson_error_t *error)
{
    bson_t local;
    bool is_done = mongoc_client_command_with_opts(client, database, command, preference, options, &local, error);
    *reply = bson_copy(&local);
    bson_destroy(&local);
    return is_done;
}

#endif
