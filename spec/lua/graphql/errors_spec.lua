-- The texts and numbers of OpenCRUD errors.
-- SPDX-License-Identifier: Apache-2.0
local errors = require("lunette.graphql.errors")

describe("OpenCRUD errors", function()
    it("have the numbers and texts of the reference", function()
        local rows = {
            { errors.absent("User", "email", "a"), 3039, "NOT_FOUND",
                "No Node for the model User with value a for email found." },
            { errors.unique("User", "email"), 3010, "CONFLICT",
                "A unique constraint would be violated on User. Details: Field"
                .. " name = email" },
            { errors.negative("first"), 3026, "BAD_USER_INPUT",
                "The 'first' argument must be non negative" },
            { errors.negative("last"), 3027, "BAD_USER_INPUT",
                "The 'last' argument must be non negative" },
            { errors.negative("skip"), 3028, "BAD_USER_INPUT",
                "The 'skip' argument must be non negative" },
            { errors.to_many_null("posts"), 3033, "BAD_USER_INPUT",
                "The field 'posts' is a toMany relation. This cannot be"
                .. " filtered by null." },
            { errors.no_unique("User"), 3040, "BAD_USER_INPUT",
                "You provided an invalid argument for the where selector on"
                .. " User. Please provide exactly one unique field and value."
            },
            { errors.too_long("id"), 3007, "BAD_USER_INPUT",
                "Value for field id is too long." },
            { errors.null_default("reqString", "Todo"), 3036,
                "VALIDATION_FAILED", "The input value null was not valid for"
                .. " field reqString of type Todo." },
        }
        for _, row in ipairs(rows) do
            assert.equal(row[2], row[1].code)
            assert.equal(row[3], row[1].ext)
            assert.equal(row[4], row[1].message)
        end
    end)

    it("say which side of a relation is known", function()
        local relation = { name = "R", parent = "P", child = "C" }
        local p, c = { field = "p", value = "1" }, { field = "c", value = "2" }
        assert.equal("The relation R has no node for the model P with the value"
            .. " '1' for the field 'p' connected to a node for the model C with"
            .. " the value '2' for the field 'c'",
            errors.unconnected(relation, p, c).message)
        assert.equal("The relation R has no node for the model P with the value"
            .. " '1' for the field 'p' connected to a node for the model C on"
            .. " your mutation path.",
            errors.unconnected(relation, p).message)
        assert.equal("The relation R has no node for the model P connected to a"
            .. " Node for the model C with the value '2' for the field 'c' on"
            .. " your mutation path.",
            errors.unconnected(relation, nil, c).message)
        assert.equal("The relation R has no node for the model P connected to a"
            .. " Node for the model C on your mutation path.",
            errors.unconnected(relation).message)
        assert.equal(3041, errors.unconnected(relation).code)
    end)

    it("name the models of a required relation in order", function()
        assert.equal("The change you are trying to make would violate the"
            .. " required relation 'R' between A and B",
            errors.required({ name = "R", parent = "B", child = "A" }).message)
    end)

    it("take values as they are, also with signs of formats", function()
        assert.equal("No Node for the model M with value 100% for f found.",
            errors.absent("M", "f", "100%").message)
        assert.equal("%s", errors.input("%s").message)
    end)
end)
