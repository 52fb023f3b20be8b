--- What a change of links may not do: leave a row without what it must have.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.required
local fail = require("lunette.orm.write.fail")

local required = {}

--- Cutting a link (`disconnect`): neither side may need it.
function required.check_cut(relation)
    if relation.parent_required or relation.child_required then
        fail.required(relation)
    end
end

--- Replacing a list (`set`): the rows that leave it may not need it.
function required.check_leaving(relation, leaving)
    if #leaving > 0 and relation.child_required then
        fail.required(relation)
    end
end

--- Linking rows of a one-to-one relation that both sides need would always
-- leave a former partner alone.
function required.check_exchange(relation)
    if relation.unique and relation.parent_required
        and relation.child_required then
        fail.required(relation)
    end
end

return required
