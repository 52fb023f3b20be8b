// The workloads in the words of PostGraphile's schema.
// SPDX-License-Identifier: Apache-2.0
export const path = '/graphql';

const customer = 'rowId code name email city credit active since';
const operations = {
  one: {
    query: `query One($id: UUID!) { customerByRowId(rowId: $id) { ${customer} } }`,
    variables: (v) => ({ id: v.where.id }),
  },
  list: {
    query: `query List($from: Datetime, $state: String, $first: Int) {
      perfApiOrdersFrom(placedFrom: $from, wanted: $state, first: $first) {
        nodes { rowId number state placed amount note createdAt updatedAt } } }`,
    variables: (v) => ({ from: v.where.placed_gte, state: v.where.state, first: v.first }),
  },
  three: {
    query: `query Three($from: String, $first: Int) {
      perfApiCustomersFrom(codeFrom: $from, first: $first) { nodes {
        rowId code name
        ordersByCustomer { nodes { rowId number placed state
          orderLinesByOrder { nodes { rowId position qty price } } } } } } }`,
    variables: (v) => ({ from: v.where.code_gte, first: v.first }),
  },
  page: {
    query: `query Page($city: String, $first: Int) {
      allCustomers(condition: { city: $city }, first: $first, orderBy: [NAME_ASC]) {
        totalCount pageInfo { hasNextPage } nodes { ${customer} } } }`,
    variables: (v) => ({ city: v.where.city, first: v.first }),
  },
  create: {
    query: `mutation Create($data: JSON!) {
      perfApiPlaceOrder(input: { data: $data }) { result { rowId number } } }`,
    variables: ({ data }) => ({
      data: {
        ...data,
        customer: data.customer.connect.id,
        lines: data.lines.create.map((line) => ({ ...line, product: line.product.connect.id })),
      },
    }),
  },
  update: {
    query: `mutation Update($id: UUID!, $patch: CustomerPatch!) {
      updateCustomerByRowId(input: { rowId: $id, customerPatch: $patch }) {
        customer { rowId credit } } }`,
    variables: (v) => ({ id: v.where.id, patch: v.data }),
  },
};

export const body = (part, variables) => ({
  query: operations[part.name].query.replace(/\s+/g, ' '),
  variables: operations[part.name].variables(variables),
});
