// PostGraphile 5 as its documentation configures it for production, in as many
// processes as Lunette has workers.
// SPDX-License-Identifier: Apache-2.0
import cluster from 'node:cluster';
import { createServer } from 'node:http';

import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

export const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({
    connectionString: `postgresql:///${process.env.PGDATABASE}?host=${
      encodeURIComponent(process.env.PGHOST)}&user=${process.env.PGUSER}`,
    schemas: ['erp', 'perf_api'],
    poolConfig: { max: 8 },
  })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: { explain: false },
};

if (process.env.PRINT_SCHEMA) {
  const { printSchema } = await import('graphql');
  const { schema } = await postgraphile(preset).getSchemaResult();
  console.log(printSchema(schema));
  process.exit(0);
}
if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.PROCESSES); i++) cluster.fork();
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.kill('SIGKILL');
    process.exit(0);
  });
} else {
  const server = createServer();
  await postgraphile(preset).createServ(grafserv).addTo(server);
  server.listen(Number(process.env.PORT), '127.0.0.1');
}
